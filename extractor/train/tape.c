#include "extractor/train/tape.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/train/tape_layout.h"

struct lc_tape {
    lc_tape_options options;
    size_t *trained, *watched;
    lc_tape_layout layout;
    float *arena, *scratch;
    float **gradients;     /* (trained_count) */
    size_t *trained_index; /* by value: index + 1 among the trained constants */
    void **states;         /* by step, from prepare */
    bool *written;         /* by value: its gradient holds something in this backward pass */
    size_t most;           /* inputs of any step */
    const lc_tensor **prepared; /* (steps, most) inputs of a step that is prepared; by step, because threads prepare several at once */
    lc_tensor *tensors;    /* (most + 1) of the step in work */
    const lc_tensor **in;
    float **din;
    bool *add;
    size_t pictures;       /* of the last forward pass */
    bool back;             /* the backward pass has begun */
    uint64_t seed;
};

/* Which nodes ----------------------------------------------------------------------------------------------------- */

/* Marks the nodes on the tape: needed for the output or a watched value, and depending on a trained constant or dropping numbers of
 * what those read. */
static void find_steps(const lc_tape *t, bool *needed, bool *depends)
{
    const lc_graph *g = t->options.graph;
    for (size_t i = 0; i <= t->options.watched_count; i++) {
        size_t v = i < t->options.watched_count ? t->watched[i] : t->options.output;
        if (g->values[v].node != LC_NO_VALUE) {
            needed[g->values[v].node] = true;
        }
    }
    for (size_t n = g->node_count; n-- > 0;) {
        for (size_t i = 0; needed[n] && i < g->nodes[n].inputs; i++) {
            size_t v = g->nodes[n].in[i];
            if (v != LC_NO_VALUE && g->values[v].node != LC_NO_VALUE) {
                needed[g->values[v].node] = true;
            }
        }
    }
    for (size_t n = 0; n < g->node_count; n++) {
        for (size_t i = 0; i < g->nodes[n].inputs; i++) {
            size_t v = g->nodes[n].in[i];
            if (v != LC_NO_VALUE && (t->trained_index[v] || (g->values[v].node != LC_NO_VALUE && depends[g->values[v].node]))) {
                depends[n] = true;
            }
        }
    }
    for (size_t n = g->node_count; n-- > 0;) { /* a dropout before the lowest trained layer drops */
        for (size_t i = 0; needed[n] && depends[n] && i < g->nodes[n].inputs; i++) {
            size_t v = g->nodes[n].in[i], maker = v == LC_NO_VALUE ? v : g->values[v].node;
            if (maker != LC_NO_VALUE && (g->nodes[maker].op->flags & LC_OP_VIEW) && !lc_tape_is_view(&t->layout, &g->nodes[maker])) {
                depends[maker] = true;
            }
        }
    }
}

/* The output and watched values have a reader more: us. */
static lc_status fold(lc_tape *t)
{
    const lc_graph *g = t->options.graph;
    size_t *readers;
    LC_TRY(lc_alloc_array(&readers, g->value_count, sizeof *readers));
    for (size_t s = 0; s < t->layout.step_count; s++) {
        const lc_node *n = &g->nodes[t->layout.steps[s].node];
        for (size_t i = 0; i < n->inputs; i++) {
            if (n->in[i] != LC_NO_VALUE) {
                readers[n->in[i]]++;
            }
        }
    }
    readers[t->options.output]++;
    for (size_t i = 0; i < t->options.watched_count; i++) {
        readers[t->watched[i]]++;
    }
    lc_status status = lc_tape_fold(&t->layout, g, readers);
    free(readers);
    return status;
}

static lc_status choose_steps(lc_tape *t)
{
    const lc_graph *g = t->options.graph;
    bool *needed = NULL, *depends = NULL;
    lc_status status = lc_alloc_array(&needed, g->node_count, sizeof *needed);
    if (status == LC_OK) {
        status = lc_alloc_array(&depends, g->node_count, sizeof *depends);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&t->layout.steps, g->node_count, sizeof *t->layout.steps);
    }
    if (status == LC_OK) {
        find_steps(t, needed, depends);
    }
    for (size_t n = 0; status == LC_OK && n < g->node_count; n++) {
        const lc_node *node = &g->nodes[n];
        if (needed[n] && depends[n]) {
            if (!node->op->backward && !(node->op->flags & LC_OP_VIEW)) {
                status = lc_fail(LC_ERR_UNSUPPORTED, "node '%s': no gradient passes operator %s", node->name, node->op->name);
            }
            t->layout.steps[t->layout.step_count++] =
                (lc_tape_step){.node = n, .out = node->out, .epilogue = lc_epilogue_none(), .residual = LC_NO_VALUE};
        }
    }
    size_t last = g->values[t->options.output].node;
    if (status == LC_OK && (last == LC_NO_VALUE || !depends[last])) {
        status = lc_fail(LC_ERR_ARG, "the output depends on nothing that is trained");
    }
    free(needed);
    free(depends);
    return status == LC_OK ? fold(t) : status;
}

/* Calls ----------------------------------------------------------------------------------------------------------- */

/* Value v, pictures first.., n of them; of constants the whole. */
static lc_tensor value_of(const lc_tape *t, size_t v, size_t first, size_t n)
{
    lc_tensor one = t->options.graph->values[v].t;
    if (one.data) {
        return one;
    }
    size_t each = lc_tensor_count(&one), at = t->back ? t->layout.value_back[v] : t->layout.value[v];
    one.data = t->arena && at != LC_NO_VALUE ? t->arena + at + first * each : NULL;
    if (one.rank > 0 && one.dims[0] == 1) {
        one.dims[0] = n;
    }
    return one;
}

static float *gradient_of(const lc_tape *t, size_t v, size_t first)
{
    size_t at = t->layout.gradient[v];
    return at == LC_NO_VALUE ? NULL : t->arena + at + first * lc_tensor_count(&t->options.graph->values[v].t);
}

/* The call of step s for pictures first.., n of them: once for all of a batch, or for one picture of a single node. */
static lc_op_call call_of(lc_tape *t, size_t s, size_t first, size_t n)
{
    const lc_tape_step *step = &t->layout.steps[s];
    const lc_node *node = &t->options.graph->nodes[step->node];
    lc_tensor *out = &t->tensors[node->inputs];
    lc_epilogue epilogue = step->epilogue;
    if (step->residual != LC_NO_VALUE) {
        lc_tensor r = value_of(t, step->residual, first, n);
        epilogue.residual = r.data;
        epilogue.residual_stride = r.dims[r.rank - 1];
    }
    for (size_t i = 0; i < node->inputs; i++) {
        t->in[i] = NULL;
        if (node->in[i] != LC_NO_VALUE) {
            t->tensors[i] = value_of(t, node->in[i], first, n);
            t->in[i] = &t->tensors[i];
        }
    }
    *out = value_of(t, step->out, first, n);
    return (lc_op_call){
        .params = node->params,
        .state = t->states[s],
        .inputs = node->inputs,
        .in = t->in,
        .out = out,
        .out_stride = out->rank ? out->dims[out->rank - 1] : 1,
        .maps = node->maps,
        .scratch_data = t->scratch,
        .scratch_size = t->layout.scratch,
        .epilogue = epilogue,
        .kernels = t->options.kernels,
        .threads = t->options.threads,
    };
}

static lc_op_train training_of(const lc_tape *t, size_t s, size_t first)
{
    const lc_tape_step *step = &t->layout.steps[s];
    lc_rng rng = lc_rng_new(t->seed, step->node);
    return (lc_op_train){
        .saved = t->arena + step->saved + first * step->saved_each,
        .again = t->back,
        .batch_statistics = t->options.batch_statistics,
        .momentum = t->options.momentum,
        .seed = lc_rng_u64(&rng) + first,
        .din = t->din,
        .add = t->add,
    };
}

/* Making ---------------------------------------------------------------------------------------------------------- */

/* What every step saves, and the most scratch that any of them uses. */
static lc_status find_sizes(lc_tape *t)
{
    const lc_graph *g = t->options.graph;
    size_t threads = lc_threads_count(t->options.threads), batch = t->options.batch;
    for (size_t s = 0; s < t->layout.step_count; s++) {
        lc_tape_step *step = &t->layout.steps[s];
        const lc_node *node = &g->nodes[step->node];
        size_t pictures = node->single ? 1 : batch, saved = 0, scratch = 0, forward;
        lc_op_call c = call_of(t, s, 0, pictures);
        if (node->op->train_size) {
            node->op->train_size(&c, &saved, &scratch);
        }
        step->saved_each = node->single ? saved : 0;
        bool fits = lc_mul(saved, node->single ? batch : 1, &step->saved_size) && lc_mul(node->scratch, pictures, &forward);
        size_t most;
        if (node->scratch_most && lc_mul(node->scratch_most, threads, &most) && (!fits || forward > most)) {
            forward = most;
        } else if (!fits) {
            return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", batch);
        }
        scratch = scratch > forward ? scratch : forward;
        t->layout.scratch = scratch > t->layout.scratch ? scratch : t->layout.scratch;
    }
    return LC_OK;
}

/* Packs the constants of step s. */
static lc_status prepare_step(lc_tape *t, size_t s)
{
    const lc_graph *g = t->options.graph;
    const lc_node *node = &g->nodes[t->layout.steps[s].node];
    lc_tensor out = g->values[node->out].t;
    lc_op_call c = lc_graph_call(g, t->layout.steps[s].node, t->prepared + s * t->most, &out);
    c.kernels = t->options.kernels;
    lc_status status = node->op->prepare(&c, &t->states[s]);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "node '%s'", node->name);
}

static lc_status prepare_any(void *context, size_t s)
{
    lc_tape *t = context;
    return t->options.graph->nodes[t->layout.steps[s].node].op->prepare ? prepare_step(t, s) : LC_OK;
}

static lc_status prepare_trained(void *context, size_t s)
{
    lc_tape *t = context;
    const lc_node *node = &t->options.graph->nodes[t->layout.steps[s].node];
    bool trained = false;
    for (size_t i = 0; i < node->inputs; i++) {
        trained = trained || (node->in[i] != LC_NO_VALUE && t->trained_index[node->in[i]]);
    }
    return trained && node->op->prepare ? prepare_step(t, s) : LC_OK;
}

lc_status lc_tape_prepare(lc_tape *t)
{
    return lc_parallel_for(t->options.threads, t->layout.step_count, prepare_trained, t);
}

static lc_status copy_options(lc_tape *t, const lc_tape_options *o)
{
    const lc_graph *g = o->graph;
    t->options = *o;
    t->layout.dropout = o->dropout;
    LC_TRY(lc_alloc_array(&t->trained, o->trained_count, sizeof *t->trained));
    LC_TRY(lc_alloc_array(&t->watched, o->watched_count, sizeof *t->watched));
    LC_TRY(lc_alloc_array(&t->trained_index, g->value_count, sizeof *t->trained_index));
    LC_TRY(lc_alloc_array(&t->gradients, o->trained_count, sizeof *t->gradients));
    for (size_t i = 0; i < o->trained_count; i++) {
        t->trained[i] = o->trained[i];
        t->trained_index[o->trained[i]] = i + 1;
        LC_TRY(lc_alloc_array(&t->gradients[i], lc_tensor_count(&g->values[o->trained[i]].t), sizeof(float)));
    }
    for (size_t i = 0; i < o->watched_count; i++) {
        t->watched[i] = o->watched[i];
    }
    return LC_OK;
}

static lc_status make(lc_tape *t, const lc_tape_options *o)
{
    const lc_graph *g = o->graph;
    size_t most = 0, all;
    LC_TRY(copy_options(t, o));
    LC_TRY(choose_steps(t));
    for (size_t s = 0; s < t->layout.step_count; s++) {
        size_t inputs = g->nodes[t->layout.steps[s].node].inputs;
        most = inputs > most ? inputs : most;
    }
    t->most = most;
    if (!lc_mul(most, t->layout.step_count, &all)) {
        return lc_fail(LC_ERR_NOMEM, "a network of too many inputs");
    }
    LC_TRY(lc_alloc_array(&t->prepared, all, sizeof *t->prepared));
    LC_TRY(lc_alloc_array(&t->tensors, most + 1, sizeof *t->tensors));
    LC_TRY(lc_alloc_array(&t->in, most + 1, sizeof *t->in));
    LC_TRY(lc_alloc_array(&t->din, most + 1, sizeof *t->din));
    LC_TRY(lc_alloc_array(&t->add, most + 1, sizeof *t->add));
    LC_TRY(lc_alloc_array(&t->written, g->value_count, sizeof *t->written));
    LC_TRY(lc_alloc_array(&t->states, t->layout.step_count, sizeof *t->states));
    LC_TRY(lc_alloc_array(&t->layout.value, g->value_count, sizeof *t->layout.value));
    LC_TRY(lc_alloc_array(&t->layout.value_back, g->value_count, sizeof *t->layout.value_back));
    LC_TRY(lc_alloc_array(&t->layout.gradient, g->value_count, sizeof *t->layout.gradient));
    LC_TRY(find_sizes(t));
    LC_TRY((o->checkpointing ? lc_tape_segment : lc_tape_lay_out)(&t->layout, g, o->batch, o->output, t->watched, o->watched_count));
    LC_TRY(lc_parallel_for(o->threads, t->layout.step_count, prepare_any, t));
    LC_TRY(lc_alloc_raw(&t->arena, t->layout.size, sizeof(float)));
    return lc_alloc_raw(&t->scratch, t->layout.scratch, sizeof(float));
}

lc_status lc_tape_new(lc_tape **out, const lc_tape_options *options)
{
    lc_tape *t;
    *out = NULL;
    LC_TRY(lc_alloc_array(&t, 1, sizeof *t));
    lc_status status = make(t, options);
    if (status != LC_OK) {
        lc_tape_free(t);
        return status;
    }
    *out = t;
    return LC_OK;
}

void lc_tape_free(lc_tape *t)
{
    if (!t) {
        return;
    }
    for (size_t s = 0; t->states && s < t->layout.step_count; s++) {
        if (t->states[s]) {
            t->options.graph->nodes[t->layout.steps[s].node].op->release(t->states[s]);
        }
    }
    for (size_t i = 0; t->gradients && i < t->options.trained_count; i++) {
        free(t->gradients[i]);
    }
    lc_tape_layout_free(&t->layout);
    free(t->trained);
    free(t->watched);
    free(t->trained_index);
    free(t->gradients);
    free(t->states);
    free(t->written);
    free(t->prepared);
    free(t->tensors);
    free(t->in);
    free(t->din);
    free(t->add);
    free(t->arena);
    free(t->scratch);
    free(t);
}

/* Running --------------------------------------------------------------------------------------------------------- */

size_t lc_tape_boundaries(const lc_tape *t)
{
    return t->layout.boundary_count;
}

size_t lc_tape_boundary(const lc_tape *t, size_t i)
{
    return t->layout.boundaries[i];
}

float *lc_tape_input(lc_tape *t, size_t i)
{
    return t->arena + t->layout.value[t->layout.boundaries[i]];
}

lc_tensor lc_tape_value(const lc_tape *t, size_t value)
{
    return value_of(t, value, 0, t->pictures);
}

float *lc_tape_gradient(lc_tape *t, size_t value)
{
    return gradient_of(t, value, 0);
}

float *lc_tape_weight_gradient(lc_tape *t, size_t i)
{
    return t->gradients[i];
}

size_t lc_tape_bytes(const lc_tape *t)
{
    size_t floats = t->layout.size + t->layout.scratch;
    for (size_t i = 0; i < t->options.trained_count; i++) {
        floats += lc_tensor_count(&t->options.graph->values[t->trained[i]].t);
    }
    return floats * sizeof(float);
}

static lc_status run_step(lc_tape *t, size_t s)
{
    const lc_node *node = &t->options.graph->nodes[t->layout.steps[s].node];
    size_t n = t->pictures, runs = node->single ? n : 1, each = node->single ? 1 : n;
    for (size_t i = 0; i < runs && !lc_tape_is_view(&t->layout, node); i++) {
        lc_op_call c = call_of(t, s, i, each);
        lc_op_train training = training_of(t, s, i);
        lc_status status = node->op->train ? node->op->train(&c, &training) : node->op->forward(&c);
        if (status != LC_OK) {
            return lc_fail_in(status, "node '%s'", node->name);
        }
    }
    return LC_OK;
}

lc_status lc_tape_forward(lc_tape *t, size_t n, uint64_t seed)
{
    const lc_graph *g = t->options.graph;
    t->pictures = n;
    t->seed = seed;
    t->back = false;
    for (size_t s = 0; s < t->layout.step_count; s++) {
        LC_TRY(run_step(t, s));
    }
    for (size_t i = 0; i < t->options.watched_count; i++) {
        float *gradient = gradient_of(t, t->watched[i], 0);
        if (gradient) {
            memset(gradient, 0, n * lc_tensor_count(&g->values[t->watched[i]].t) * sizeof *gradient);
        }
    }
    return LC_OK;
}

/* The gradient of a view is that of what it shows: the same memory, or one more share of it. */
static void pass_view(lc_tape *t, const lc_node *node, size_t n)
{
    const lc_graph *g = t->options.graph;
    size_t in = node->in[0], count = n * lc_tensor_count(&g->values[node->out].t);
    float *to = gradient_of(t, in, 0);
    const float *from = gradient_of(t, node->out, 0);
    if (to && to != from && t->written[in]) {
        t->options.kernels->combine(LC_ADD, count, to, false, from, false, to);
    } else if (to && to != from) {
        memcpy(to, from, count * sizeof *to);
    }
    t->written[in] = true;
}

/* Where the gradients by the inputs of a node go, for the pictures from `first` on. False: none is wanted. */
static bool aim(lc_tape *t, const lc_node *node, size_t first)
{
    bool any = false;
    for (size_t i = 0; i < node->inputs; i++) {
        size_t v = node->in[i];
        t->din[i] = NULL;
        if (v == LC_NO_VALUE) {
            continue;
        }
        size_t trained = t->trained_index[v];
        t->din[i] = trained ? t->gradients[trained - 1] : t->options.graph->values[v].t.data ? NULL : gradient_of(t, v, first);
        t->add[i] = t->written[v] || (trained && first > 0);
        for (size_t j = 0; j < i; j++) {
            t->add[i] = t->add[i] || node->in[j] == v;
        }
        any = any || t->din[i];
    }
    return any;
}

static lc_status step_back(lc_tape *t, size_t s, size_t first, size_t n)
{
    const lc_node *node = &t->options.graph->nodes[t->layout.steps[s].node];
    bool any = aim(t, node, first);
    if (!any && (t->layout.steps[s].residual == LC_NO_VALUE || !gradient_of(t, t->layout.steps[s].residual, first))) {
        return LC_OK;
    }
    lc_op_call c = call_of(t, s, first, n);
    lc_op_train training = training_of(t, s, first);
    size_t residual = t->layout.steps[s].residual;
    training.dout = gradient_of(t, t->layout.steps[s].out, first);
    if (residual != LC_NO_VALUE) {
        training.dresidual = gradient_of(t, residual, first);
        training.add_residual = t->written[residual];
    }
    lc_status status = node->op->backward(&c, &training);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "gradient of node '%s'", node->name);
}

/* Where step s ends a segment other than the last: what is needed of that is made again. */
static lc_status run_again(lc_tape *t, size_t s)
{
    const lc_tape_step *steps = t->layout.steps;
    size_t first = s, segment = steps[s].segment;
    if (s + 1 == t->layout.step_count || steps[s + 1].segment == segment) {
        return LC_OK;
    }
    while (first > 0 && steps[first - 1].segment == segment) {
        first--;
    }
    for (size_t i = first; i <= s; i++) {
        LC_TRY(steps[i].again ? run_step(t, i) : LC_OK);
    }
    return LC_OK;
}

lc_status lc_tape_backward(lc_tape *t)
{
    const lc_graph *g = t->options.graph;
    size_t n = t->pictures;
    t->back = true;
    memset(t->written, 0, g->value_count * sizeof *t->written);
    for (size_t i = 0; i < t->options.watched_count; i++) {
        t->written[t->watched[i]] = true;
    }
    t->written[t->options.output] = true;
    for (size_t s = t->layout.step_count; s-- > 0;) {
        const lc_node *node = &g->nodes[t->layout.steps[s].node];
        LC_TRY(run_again(t, s));
        if (!t->written[t->layout.steps[s].out]) {
            continue; /* nothing that the loss sees reads it */
        }
        if (lc_tape_is_view(&t->layout, node)) {
            pass_view(t, node, n);
            continue;
        }
        size_t runs = node->single ? n : 1, each = node->single ? 1 : n;
        for (size_t i = 0; i < runs; i++) {
            LC_TRY(step_back(t, s, i, each));
        }
        for (size_t i = 0; i < node->inputs; i++) {
            if (node->in[i] != LC_NO_VALUE) {
                t->written[node->in[i]] = true;
            }
        }
        if (t->layout.steps[s].residual != LC_NO_VALUE) {
            t->written[t->layout.steps[s].residual] = true;
        }
    }
    return LC_OK;
}
