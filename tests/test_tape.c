/*
 * The tape: a dropout in front of the lowest trained layer drops, elsewhere below it does not; nothing that is still needed is
 * overwritten; checkpointing takes less memory and changes no byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/network.h"
#include "extractor/ops/shape.h"
#include "extractor/train/tape.h"
#include "extractor/train/tape_layout.h"
#include "tests/try.h"

enum { WIDTH = 64, BATCH = 2 };

typedef struct {
    float ratio;
    int64_t training_mode;
} dropout_params;

typedef struct {
    float alpha, beta;
    int64_t trans_a, trans_b;
} linear_params;

/* input - flatten - dropout - linear with weights 1 */
typedef struct {
    lc_graph *graph;
    float weights[WIDTH];
    size_t flat, trained;
} network;

static void make_network(network *n)
{
    const lc_axis_params flat = {.axis = 1};
    const dropout_params dropout = {.ratio = 0.5f};
    const linear_params linear = {1, 1, 0, 1};
    size_t x;
    for (size_t i = 0; i < WIDTH; i++) {
        n->weights[i] = 1;
    }
    TRY(lc_graph_new(&n->graph, NULL, NULL));
    TRY(lc_graph_input(n->graph, "input", WIDTH, 1, 1, &x));
    TRY(lc_graph_constant(n->graph, "weight", 2, (size_t[]){1, WIDTH}, n->weights, &n->trained));
    TRY(lc_graph_node(n->graph, &lc_op_flatten, "flatten", &flat, &x, 1, "flatten", &n->flat));
    TRY(lc_graph_node(n->graph, &lc_op_dropout, "dropout", &dropout, &n->flat, 1, "dropout", &x));
    TRY(lc_graph_node(n->graph, &lc_op_linear, "linear", &linear, (size_t[]){x, n->trained}, 2, "linear", &n->graph->output));
}

/* A step on pictures of ones, one loss each: how many inputs of the linear layer were not dropped, as its sums and as its gradient say. */
static void step(const network *n, bool dropout, uint64_t seed, size_t *kept)
{
    const lc_kernels *kernels;
    lc_tape *tape;
    TRY(lc_kernels_get(&kernels));
    const lc_tape_options o = {.graph = n->graph, .output = n->graph->output, .trained = &n->trained, .trained_count = 1, .batch = BATCH,
                               .dropout = dropout, .kernels = kernels};
    TRY(lc_tape_new(&tape, &o));
    assert_int_equal(lc_tape_boundaries(tape), 1);
    size_t boundary = lc_tape_boundary(tape, 0);
    assert_int_equal(boundary == n->flat, dropout);
    for (size_t i = 0; i < BATCH * WIDTH; i++) {
        lc_tape_input(tape, 0)[i] = 1;
    }
    TRY(lc_tape_forward(tape, BATCH, seed));
    const float *sums = lc_tape_value(tape, n->graph->output).data, factor = dropout ? 2 : 1;
    float *by_sums = lc_tape_gradient(tape, n->graph->output);
    double all = 0, by_weights = 0;
    for (size_t i = 0; i < BATCH; i++) {
        all += (double)(sums[i] / factor);
        by_sums[i] = 1;
    }
    TRY(lc_tape_backward(tape));
    for (size_t i = 0; i < WIDTH; i++) {
        by_weights += (double)(lc_tape_weight_gradient(tape, 0)[i] / factor);
    }
    assert_true(all == by_weights);
    *kept = (size_t)all;
    lc_tape_free(tape);
}

static void test_dropout(void **state)
{
    (void)state;
    network n;
    size_t kept, other;
    make_network(&n);
    step(&n, false, 1, &kept);
    assert_int_equal(kept, BATCH * WIDTH);
    step(&n, true, 1, &kept);
    assert_in_range(kept, 1, BATCH * WIDTH - 1);
    step(&n, true, 1, &other);
    assert_int_equal(kept, other);
    for (uint64_t seed = 2; seed < 10 && other == kept; seed++) {
        step(&n, true, seed, &other);
    }
    assert_int_not_equal(kept, other);
    lc_graph_free(n.graph);
}

/* Memory ---------------------------------------------------------------------------------------------------------- */

typedef enum { ACTIVATION, GRADIENT, SAVED } kind;

/* What lies somewhere: an activation or gradient by value number, or what a step saves. */
typedef struct {
    kind kind;
    size_t what, offset, size;
} content;

/* A step of training as its writes and reads go through memory. */
typedef struct {
    const char *name;
    const lc_graph *g;
    lc_tape_layout l;
    content *contents;
    size_t count;
    size_t *maker; /* by value: step + 1 */
    bool *written; /* by value: its gradient */
    bool back;
} memory;

static content content_of(const memory *m, kind k, size_t what)
{
    enum { PICTURES = 3 };
    size_t offset = k == SAVED ? m->l.steps[what].saved : k == GRADIENT ? m->l.gradient[what] : m->back ? m->l.value_back[what] : m->l.value[what];
    size_t size = k == SAVED ? m->l.steps[what].saved_size : PICTURES * lc_tensor_count(&m->g->values[what].t);
    if (k == ACTIVATION && m->g->values[what].t.data) {
        size = 0;
    }
    assert_true(!size || (offset != LC_NO_VALUE && offset + size <= m->l.size));
    return (content){k, what, offset, size};
}

static bool same(const content *a, const content *b)
{
    return a->kind == b->kind && a->what == b->what && a->offset == b->offset && a->size == b->size;
}

static bool there(const memory *m, content c)
{
    bool found = !c.size;
    for (size_t i = 0; i < m->count && !found; i++) {
        found = same(&m->contents[i], &c);
    }
    return found;
}

static void must_be(const memory *m, content c, const char *why)
{
    static const char *const names[] = {"activation", "gradient", "what is saved by step"};
    if (!there(m, c)) {
        fail_msg("%s: %s %zu is overwritten, %s", m->name, names[c.kind], c.what, why);
    }
}

/* Another name for what is there, or, `over`, in place of all that it covers. */
static void put(memory *m, content c, bool over)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        const content *o = &m->contents[i];
        if (!same(o, &c) && (!over || o->offset >= c.offset + c.size || c.offset >= o->offset + o->size)) {
            m->contents[kept++] = *o;
        }
    }
    m->count = kept;
    if (c.size) {
        m->contents[m->count++] = c;
    }
}

static size_t inputs_of(const memory *m, size_t s)
{
    return m->g->nodes[m->l.steps[s].node].inputs + (m->l.steps[s].residual != LC_NO_VALUE);
}

static size_t input_of(const memory *m, size_t s, size_t i)
{
    const lc_node *n = &m->g->nodes[m->l.steps[s].node];
    return i < n->inputs ? n->in[i] : m->l.steps[s].residual;
}

/* Do two contents lie in the same place, and may input 0 of step s lie where its output lies? */
static bool in_place(const memory *m, size_t s, content in, content out)
{
    return m->g->nodes[m->l.steps[s].node].op->flags & LC_OP_INPLACE && in.what == input_of(m, s, 0) && in.offset == out.offset && in.size == out.size;
}

static void forward(memory *m, size_t s)
{
    const lc_tape_step *step = &m->l.steps[s];
    bool view = lc_tape_is_view(&m->l, &m->g->nodes[step->node]);
    content out = content_of(m, ACTIVATION, step->out);
    for (size_t pass = 0; pass < 2; pass++) { /* before the output is written, and meanwhile */
        for (size_t i = 0; i < inputs_of(m, s); i++) {
            size_t v = input_of(m, s, i);
            if (v != LC_NO_VALUE) {
                content in = content_of(m, ACTIVATION, v);
                assert_true(!view || in.offset == out.offset);
                if (pass == 0 || !in_place(m, s, in, out)) {
                    must_be(m, in, m->back ? "before it is read again" : "before it is read");
                }
            }
        }
        if (pass == 0) {
            put(m, out, !view);
            put(m, content_of(m, SAVED, s), true);
        }
    }
    must_be(m, out, "by the step that makes it");
}

static void read_back(const memory *m, size_t s, bool meanwhile)
{
    const lc_tape_step *step = &m->l.steps[s];
    unsigned keep = lc_tape_keep(step, m->g);
    const lc_node *n = &m->g->nodes[step->node];
    content gradient = content_of(m, GRADIENT, step->out);
    for (size_t i = 0; i < n->inputs && (keep & LC_KEEP_INPUT); i++) {
        if (n->in[i] != LC_NO_VALUE) {
            must_be(m, content_of(m, ACTIVATION, n->in[i]), "before a gradient needs it");
        }
    }
    if (keep & LC_KEEP_OUTPUT) {
        must_be(m, content_of(m, ACTIVATION, step->out), "before its gradient needs it");
    }
    must_be(m, content_of(m, SAVED, s), "before its gradient needs it");
    if (!meanwhile || !m->maker[n->in[0]] || !in_place(m, s, content_of(m, GRADIENT, n->in[0]), gradient)) {
        must_be(m, gradient, "before it is passed on");
    }
}

static void backward(memory *m, size_t s)
{
    bool view = lc_tape_is_view(&m->l, &m->g->nodes[m->l.steps[s].node]);
    read_back(m, s, false);
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < inputs_of(m, s); i++) {
            size_t v = input_of(m, s, i);
            if (v == LC_NO_VALUE || !m->maker[v]) {
                continue;
            }
            content c = content_of(m, GRADIENT, v);
            if (pass == 1 || m->written[v]) {
                must_be(m, c, pass ? "by another of the same step" : "before more is added");
            } else {
                put(m, c, !view || c.offset != content_of(m, GRADIENT, m->l.steps[s].out).offset);
            }
            m->written[v] = true;
        }
    }
    if (!view) {
        read_back(m, s, true);
    }
}

/* All of a step, as tape.c goes through it. */
static void simulate(memory *m)
{
    size_t steps = m->l.step_count;
    m->count = 0;
    m->back = false;
    memset(m->written, 0, m->g->value_count * sizeof *m->written);
    for (size_t i = 0; i < m->l.boundary_count; i++) {
        put(m, content_of(m, ACTIVATION, m->l.boundaries[i]), true);
    }
    for (size_t s = 0; s < steps; s++) {
        forward(m, s);
    }
    must_be(m, content_of(m, ACTIVATION, m->g->output), "before the loss is computed");
    put(m, content_of(m, GRADIENT, m->g->output), true);
    m->back = true;
    for (size_t s = steps; s-- > 0;) {
        if (s + 1 < steps && m->l.steps[s + 1].segment != m->l.steps[s].segment) {
            for (size_t r = 0; r <= s; r++) {
                if (m->l.steps[r].segment == m->l.steps[s].segment && m->l.steps[r].again) {
                    forward(m, r);
                }
            }
        }
        backward(m, s);
    }
}

/* As of tape.c, every step saving a little. */
static void make_memory(memory *m, const char *arch, const lc_graph *g)
{
    size_t *readers;
    *m = (memory){.name = arch, .g = g};
    TRY(lc_alloc_array(&readers, g->value_count, sizeof *readers));
    TRY(lc_alloc_array(&m->l.steps, g->node_count, sizeof *m->l.steps));
    TRY(lc_alloc_array(&m->l.value, g->value_count, sizeof *m->l.value));
    TRY(lc_alloc_array(&m->l.value_back, g->value_count, sizeof *m->l.value_back));
    TRY(lc_alloc_array(&m->l.gradient, g->value_count, sizeof *m->l.gradient));
    TRY(lc_alloc_array(&m->maker, g->value_count, sizeof *m->maker));
    TRY(lc_alloc_array(&m->written, g->value_count, sizeof *m->written));
    TRY(lc_alloc_array(&m->contents, 4 * g->value_count, sizeof *m->contents));
    for (size_t n = 0; n < g->node_count; n++) {
        m->l.steps[m->l.step_count++] = (lc_tape_step){
            .node = n, .out = g->nodes[n].out, .epilogue = lc_epilogue_none(), .residual = LC_NO_VALUE, .saved_size = n % 3 * 40};
        for (size_t i = 0; i < g->nodes[n].inputs; i++) {
            if (g->nodes[n].in[i] != LC_NO_VALUE) {
                readers[g->nodes[n].in[i]]++;
            }
        }
    }
    readers[g->output]++;
    TRY(lc_tape_fold(&m->l, g, readers));
    for (size_t s = 0; s < m->l.step_count; s++) {
        m->maker[m->l.steps[s].out] = s + 1;
    }
    free(readers);
}

/* Floats of the arena; all of a step goes through it. */
static size_t arena_of(memory *m, lc_status (*lay_out)(lc_tape_layout *, const lc_graph *, size_t, size_t, const size_t *, size_t))
{
    TRY(lay_out(&m->l, m->g, 3, m->g->output, NULL, 0));
    simulate(m);
    return m->l.size;
}

static void check_memory(const char *arch, size_t side, double share)
{
    lc_network *net;
    memory m;
    size_t all = 0;
    TRY(lc_network_new(&net, arch, 10, 1));
    TRY(lc_graph_resize(net->model.graph, side, side));
    make_memory(&m, arch, net->model.graph);
    size_t kept = arena_of(&m, lc_tape_lay_out), again = arena_of(&m, lc_tape_segment);
    for (size_t s = 0; s < m.l.step_count; s++) {
        all += 3 * 2 * lc_tensor_count(&m.g->values[m.l.steps[s].out].t);
    }
    assert_true(kept < all); /* memory is shared at all */
    if ((double)again > share * (double)kept) {
        fail_msg("%s: %zu floats with checkpointing, %zu without", arch, again, kept);
    }
    lc_tape_layout_free(&m.l);
    free(m.maker);
    free(m.written);
    free(m.contents);
    lc_network_free(net);
}

static void test_memory(void **state)
{
    (void)state;
    check_memory("squeezenet1_1", 64, 0.6);
    check_memory("resnet18", 64, 0.6);
    check_memory("densenet121", 64, 0.2);
    check_memory("mobilenet_v2", 64, 0.4);
}

/* Checkpointing changes no byte ------------------------------------------------------------------------------------ */

/* The constants of learned layers, running statistics too; `trained` of them are not those. */
static void learned(const lc_graph *g, size_t *values, size_t *count, size_t *trained, size_t *trained_count)
{
    *count = *trained_count = 0;
    for (size_t n = 0; n < g->node_count; n++) {
        for (size_t i = 1; i < g->nodes[n].inputs && (g->nodes[n].op->flags & LC_OP_LEARNED); i++) {
            values[(*count)++] = g->nodes[n].in[i];
            if (i < 3) {
                trained[(*trained_count)++] = g->nodes[n].in[i];
            }
        }
    }
}

/* Two steps on random pictures. *out: all gradients of the second, and all constants behind it. */
static void two_steps(const lc_graph *g, bool checkpointing, float **out, size_t *length)
{
    size_t *values, *trained, count, trained_count, at = 0;
    const lc_kernels *kernels;
    lc_tape *tape;
    lc_rng r = lc_rng_new(5, 0);
    TRY(lc_kernels_get(&kernels));
    TRY(lc_alloc_array(&values, 5 * g->node_count, sizeof *values));
    TRY(lc_alloc_array(&trained, 5 * g->node_count, sizeof *trained));
    learned(g, values, &count, trained, &trained_count);
    const lc_tape_options o = {.graph = g, .output = g->output, .trained = trained, .trained_count = trained_count, .batch = BATCH,
                               .batch_statistics = true, .momentum = 0.1f, .checkpointing = checkpointing, .dropout = true, .kernels = kernels};
    TRY(lc_tape_new(&tape, &o));
    for (uint64_t seed = 0; seed < 2; seed++) {
        size_t outputs = lc_tensor_count(&g->values[g->output].t);
        for (size_t i = 0; i < BATCH * lc_tensor_count(&g->values[g->input].t); i++) {
            lc_tape_input(tape, 0)[i] = (float)lc_rng_normal(&r);
        }
        TRY(lc_tape_forward(tape, BATCH, seed));
        for (size_t i = 0; i < BATCH * outputs; i++) {
            lc_tape_gradient(tape, g->output)[i] = (float)lc_rng_normal(&r);
        }
        TRY(lc_tape_backward(tape));
    }
    *length = 0;
    for (size_t i = 0; i < count; i++) {
        *length += 2 * lc_tensor_count(&g->values[values[i]].t);
    }
    TRY(lc_alloc_array(out, *length, sizeof **out));
    for (size_t i = 0; i < trained_count; i++) {
        size_t n = lc_tensor_count(&g->values[trained[i]].t);
        memcpy(*out + at, lc_tape_weight_gradient(tape, i), n * sizeof **out);
        at += n;
    }
    for (size_t i = 0; i < count; i++) {
        const lc_tensor *t = &g->values[values[i]].t;
        memcpy(*out + at, t->data, lc_tensor_count(t) * sizeof **out);
        at += lc_tensor_count(t);
    }
    lc_tape_free(tape);
    free(values);
    free(trained);
}

static void compare_steps(const char *name, const lc_graph *a, const lc_graph *b)
{
    float *kept, *again;
    size_t length, other;
    two_steps(a, false, &kept, &length);
    two_steps(b, true, &again, &other);
    assert_int_equal(length, other);
    double sum = 0;
    for (size_t i = 0; i < length; i++) {
        sum += (double)kept[i] * (double)kept[i];
        if (memcmp(&kept[i], &again[i], sizeof *kept) != 0) {
            fail_msg("%s: number %zu is %.9g without checkpointing, %.9g with", name, i, (double)kept[i], (double)again[i]);
        }
    }
    assert_true(sum > 0);
    free(kept);
    free(again);
}

static void check_same(const char *arch)
{
    lc_network *nets[2];
    for (size_t i = 0; i < 2; i++) {
        TRY(lc_network_new(&nets[i], arch, 10, 1));
        TRY(lc_graph_resize(nets[i]->model.graph, 64, 64));
    }
    compare_steps(arch, nets[0]->model.graph, nets[1]->model.graph);
    lc_network_free(nets[0]);
    lc_network_free(nets[1]);
}

/* Linear layers, each with a dropout behind it: there are some in every segment. */
static void check_same_dropout(void)
{
    enum { LAYERS = 12 };
    const lc_axis_params flat = {.axis = 1};
    const dropout_params dropout = {.ratio = 0.3f};
    const linear_params linear = {1, 1, 0, 1};
    static float weights[LAYERS][WIDTH * WIDTH];
    lc_rng r = lc_rng_new(7, 0);
    lc_graph *g;
    size_t x, w;
    TRY(lc_graph_new(&g, NULL, NULL));
    TRY(lc_graph_input(g, "input", WIDTH, 1, 1, &x));
    TRY(lc_graph_node(g, &lc_op_flatten, "flatten", &flat, &x, 1, "flatten", &x));
    for (size_t i = 0; i < LAYERS; i++) {
        for (size_t j = 0; j < WIDTH * WIDTH; j++) {
            weights[i][j] = (float)lc_rng_normal(&r) / 8;
        }
        TRY(lc_graph_constant(g, "weight", 2, (size_t[]){WIDTH, WIDTH}, weights[i], &w));
        TRY(lc_graph_node(g, &lc_op_linear, "linear", &linear, (size_t[]){x, w}, 2, "linear", &x));
        TRY(lc_graph_node(g, &lc_op_dropout, "dropout", &dropout, &x, 1, "dropout", &x));
    }
    g->output = x;
    compare_steps("dropout", g, g);
    lc_graph_free(g);
}

static void test_same(void **state)
{
    (void)state;
    check_same("squeezenet1_1");
    check_same("resnet18");
    check_same("densenet121");
    check_same("mobilenet_v2");
    check_same_dropout();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dropout), cmocka_unit_test(test_memory), cmocka_unit_test(test_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
