"""Every value that a PyTorch network makes, by the names that torchvision's feature extraction gives them."""
import re
import torch
import torchvision.models as M
from torchvision.models.feature_extraction import NodePathTracer
from torchvision.models.shufflenetv2 import InvertedResidual, channel_shuffle

CIFAR = {'cifar_resnet20': 3, 'cifar_resnet32': 5, 'cifar_resnet44': 7, 'cifar_resnet56': 9, 'cifar_resnet110': 18}
NAMES = sorted(n for n in M.list_models(module=M) if not n.startswith(('vit', 'swin', 'maxvit'))) + list(CIFAR)


class CifarBlock(torch.nn.Module):
    """He et al. (arXiv:1512.03385), section 4.2, with shortcut A: every second pixel, the new channels zero."""
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(out)
        self.conv2 = torch.nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(out)
        self.shortcut = Shortcut(out) if stride != 1 else torch.nn.Sequential()

    def forward(self, x):
        y = torch.nn.functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y = y + self.shortcut(x)
        return torch.nn.functional.relu(y)


class Shortcut(torch.nn.Module):
    def __init__(self, out):
        super().__init__()
        self.pad = out // 4

    def forward(self, x):
        return torch.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))


class CifarResNet(torch.nn.Module):
    def __init__(self, blocks, classes=10):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(16)
        channels = 16
        for i in range(3):
            stage = []
            for k in range(blocks):
                stage.append(CifarBlock(channels, 16 << i, 2 if i and not k else 1))
                channels = 16 << i
            setattr(self, f'layer{i + 1}', torch.nn.Sequential(*stage))
        self.linear = torch.nn.Linear(64, classes)

    def forward(self, x):
        x = torch.nn.functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = torch.nn.functional.avg_pool2d(x, 8)
        return self.linear(x.view(x.size(0), -1))


def traceable_unit(self, x):
    """InvertedResidual.forward, which symbolic tracing cannot follow into the two halves on newer Pythons."""
    if self.stride == 1:
        halves = x.chunk(2, dim=1)
        return channel_shuffle(torch.cat((halves[0], self.branch2(halves[1])), dim=1), 2)
    return channel_shuffle(torch.cat((self.branch1(x), self.branch2(x)), dim=1), 2)


InvertedResidual.forward = traceable_unit


def make(name):
    """The network without initialisation: its numbers are to be set."""
    saved = {f: getattr(torch.nn.init, f) for f in dir(torch.nn.init) if f.endswith('_') and not f.startswith('_')}
    for f in saved:
        setattr(torch.nn.init, f, lambda t, *a, **k: t)
    try:
        if name in CIFAR:
            return CifarResNet(CIFAR[name]).eval()
        kw = {'init_weights': False} if name in ('googlenet', 'inception_v3') else {}
        return getattr(M, name)(weights=None, **kw).eval()
    finally:
        for f in saved:
            setattr(torch.nn.init, f, saved[f])


def idle(name):
    """Tensors that no forward pass of a trained network reads."""
    return name.endswith('num_batches_tracked') or re.match(r'aux[12]\.|AuxLogits\.', name) is not None


class Recorder(torch.fx.Interpreter):
    def __init__(self, module, names, use, permuted):
        super().__init__(module)
        self.names, self.use, self.permuted = names, use, permuted

    def run_node(self, node):
        value = super().run_node(node)
        if node.op in ('call_module', 'call_function', 'call_method') and isinstance(value, torch.Tensor):
            module = self.fetch_attr(node.target) if node.op == 'call_module' else None
            function = getattr(node.target, '__name__', node.target)
            passes_on = (isinstance(module, torch.nn.Dropout) or function in ('stochastic_depth', 'permute', 'chunk')
                         or (node.target is torch.cat and len(node.args[0]) == 1))
            name = self.names[node.name]
            if not passes_on:
                v = value.detach()
                # What ConvNeXt computes between its permutations is (N,H,W,C).
                if not self.permuted and v.dim() == 4 and re.search(r'(layer_norm|block\.[2345])$', name) and 'features_' in ' '.join(self.names):
                    v = v.permute(0, 3, 1, 2)
                self.use(name, v.contiguous().numpy().copy().ravel())
                if name == 'mean':
                    self.use('flatten', v.contiguous().numpy().copy().ravel())
        return value


def run(net, x, use, permuted=False):
    """use(name, values in (C,H,W) order) for every node that computes something. permuted: in the order they have."""
    tracer = NodePathTracer(leaf_modules=[], autowrap_functions=(channel_shuffle,))
    graph = tracer.trace(net)
    names = {node.name: path for node, path in tracer.node_to_qualname.items()}
    with torch.no_grad():
        Recorder(torch.fx.GraphModule(tracer.root, graph), names, use, permuted).run(x)
