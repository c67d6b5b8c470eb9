// Milliseconds per picture of ONNX Runtime, for tests/bench.sh: bench_onnxruntime.js THREADS FILE.onnx reads batch sizes,
// one a line, and answers each with those of a third of a second after a first pass. Needs npm's onnxruntime-node.
const ort = require('onnxruntime-node');
const { performance } = require('perf_hooks');
const [threads, file] = process.argv.slice(2);
const inputs = new Map();

async function turn(session, batch) {
  if (!inputs.has(batch)) {
    const pixels = Float32Array.from({ length: batch * 3 * 224 * 224 }, () => Math.random() * 3.46 - 1.73);
    inputs.set(batch, { [session.inputNames[0]]: new ort.Tensor('float32', pixels, [batch, 3, 224, 224]) });
    await session.run(inputs.get(batch));
  }
  await session.run(inputs.get(batch));
  let passes = 0;
  const start = performance.now();
  while (passes === 0 || performance.now() - start < 300) {
    await session.run(inputs.get(batch));
    passes++;
  }
  console.log(((performance.now() - start) / passes / batch).toFixed(4));
}

(async () => {
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ['cpu'], intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    await turn(session, +line);
  }
})();
