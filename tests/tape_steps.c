/*
 * A few training steps on one batch, for compare_training.py:
 *
 *   tape_steps MODEL BATCH.safetensors OUT.safetensors sgd|adamw STEPS RATE DECAY train|frozen [DECISIONS.safetensors]
 *
 * BATCH holds "input" (N,H,W,C) and "labels" (N). OUT gets "losses" (STEPS), and from the first step "logits" and the gradient of every
 * learned constant under its name. DECISIONS gets what in every step every ReLU and clip made and every max pooling read, (N,H,W,C), as
 * "STEP/TAP".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "extractor/models/weights.h"
#include "extractor/network.h"
#include "extractor/train/train.h"

typedef struct {
    lc_network *net;
    lc_mapping file;
    lc_weights *batch;
    const float *input, *numbers;
    size_t n;
    int32_t *labels;
    size_t *trained, count;
    size_t *watched, watched_count;
    const char **decided; /* (watched_count) taps */
    lc_parameter *parameters;
    lc_tape *tape;
    size_t logits;
    const char **names;
    lc_tensor *tensors;
    size_t tensor_count;
    float *losses, **copies; /* copies: of what the next step overwrites */
    size_t copy_count;
    char **decision_names;
    lc_tensor *decisions;
    size_t decision_count;
    lc_threads *pool;
} run;

/* A copy of count numbers that is freed with the run. */
static lc_status keep(run *r, const float *data, size_t count, float **out)
{
    LC_TRY(lc_alloc_array(out, count, sizeof **out));
    memcpy(*out, data, count * sizeof **out);
    r->copies[r->copy_count++] = *out;
    return LC_OK;
}

static void release(run *r)
{
    lc_tape_free(r->tape);
    lc_threads_free(r->pool);
    for (size_t i = 0; i < r->count; i++) {
        for (size_t s = 0; s < LC_OPTIMIZER_SLOTS; s++) {
            free(r->parameters[i].slot[s]);
        }
    }
    for (size_t i = 0; i < r->copy_count; i++) {
        free(r->copies[i]);
    }
    free(r->copies);
    lc_free_strings(r->decision_names, r->decision_count);
    free(r->decisions);
    free(r->decided);
    free(r->labels);
    free(r->trained);
    free(r->watched);
    free(r->parameters);
    free(r->names);
    free(r->tensors);
    free(r->losses);
    lc_weights_free(r->batch);
    lc_unmap_file(&r->file);
    lc_network_free(r->net);
}

static lc_status read_batch(run *r, const char *path)
{
    size_t i;
    LC_TRY(lc_map_file(&r->file, path));
    LC_TRY(lc_weights_open(&r->batch, &r->file));
    if (!lc_weights_find(r->batch, "input", &i)) {
        return lc_fail(LC_ERR_ARG, "no input");
    }
    LC_TRY(lc_weights_f32(r->batch, i, &r->input));
    if (!lc_weights_find(r->batch, "labels", &i)) {
        return lc_fail(LC_ERR_ARG, "no labels");
    }
    LC_TRY(lc_weights_f32(r->batch, i, &r->numbers));
    r->n = lc_weights_at(r->batch, i)->count;
    LC_TRY(lc_alloc_array(&r->labels, r->n, sizeof *r->labels));
    for (size_t j = 0; j < r->n; j++) {
        r->labels[j] = (int32_t)r->numbers[j];
    }
    return LC_OK;
}

static lc_status choose(run *r)
{
    lc_graph *g = r->net->model.graph;
    LC_TRY(lc_alloc_array(&r->trained, g->value_count, sizeof *r->trained));
    LC_TRY(lc_alloc_array(&r->parameters, g->value_count, sizeof *r->parameters));
    LC_TRY(lc_alloc_array(&r->names, g->value_count + 2, sizeof *r->names));
    LC_TRY(lc_alloc_array(&r->tensors, g->value_count + 2, sizeof *r->tensors));
    for (size_t n = 0; n < g->node_count; n++) {
        const lc_node *node = &g->nodes[n];
        size_t last = node->op == &lc_op_batchnorm ? 5 : 3;
        for (size_t i = 1; (node->op->flags & LC_OP_LEARNED) && i < node->inputs && i < last; i++) {
            size_t v = node->in[i], count = lc_tensor_count(&g->values[v].t);
            const float *before = g->values[v].t.data;
            float *own;
            LC_TRY(lc_network_replace(r->net, v, count, &own));
            memcpy(own, before, count * sizeof *own);
            if (i < 3) {
                r->parameters[r->count] = (lc_parameter){.value = v, .data = own, .count = count};
                r->trained[r->count++] = v;
            }
        }
    }
    return LC_OK;
}

/* Where a network decides: which side of a kink a number is on, which of a window is the largest. */
static lc_status watch(run *r, size_t steps)
{
    const lc_graph *g = r->net->model.graph;
    LC_TRY(lc_alloc_array(&r->watched, r->net->taps.count, sizeof *r->watched));
    LC_TRY(lc_alloc_array(&r->decided, r->net->taps.count, sizeof *r->decided));
    for (size_t i = 0; i < r->net->taps.count; i++) {
        const lc_tap_entry *tap = &r->net->taps.taps[i];
        const lc_node *n = &g->nodes[tap->node];
        bool pools = n->op == &lc_op_maxpool;
        if (pools || n->op == &lc_op_relu || n->op == &lc_op_clip) {
            r->decided[r->watched_count] = tap->name;
            r->watched[r->watched_count++] = pools ? n->in[0] : n->out;
        }
    }
    LC_TRY(lc_alloc_array(&r->decisions, steps * r->watched_count, sizeof *r->decisions));
    LC_TRY(lc_alloc_array(&r->decision_names, steps * r->watched_count, sizeof *r->decision_names));
    return LC_OK;
}

/* Those of a step that went forward. */
static lc_status decide(run *r, size_t step)
{
    for (size_t i = 0; i < r->watched_count; i++) {
        lc_tensor *t = &r->decisions[r->decision_count];
        *t = lc_tape_value(r->tape, r->watched[i]);
        LC_TRY(lc_sprintf(&r->decision_names[r->decision_count++], "%zu/%s", step, r->decided[i]));
        LC_TRY(keep(r, t->data, lc_tensor_count(t), &t->data));
    }
    return LC_OK;
}

static lc_status train(run *r, const lc_optimizer *optimizer, size_t steps, float rate, float decay, bool statistics, bool decisions)
{
    lc_graph *g = r->net->model.graph;
    const lc_kernels *kernels;
    LC_TRY(decisions ? watch(r, steps) : LC_OK);
    LC_TRY(lc_alloc_array(&r->copies, g->value_count + 2 + steps * r->watched_count, sizeof *r->copies));
    LC_TRY(lc_kernels_get(&kernels));
    LC_TRY(lc_threads_new(&r->pool, 2));
    r->logits = g->output;
    const lc_tape_options o = {.graph = g, .output = r->logits, .trained = r->trained, .trained_count = r->count, .batch = r->n,
                               .watched = r->watched, .watched_count = r->watched_count, .batch_statistics = statistics, .momentum = 0.1f,
                               .kernels = kernels, .threads = r->pool};
    LC_TRY(lc_tape_new(&r->tape, &o));
    LC_TRY(lc_alloc_array(&r->losses, steps, sizeof *r->losses));
    for (size_t i = 0; i < r->count; i++) {
        lc_parameter *p = &r->parameters[i];
        p->gradient = lc_tape_weight_gradient(r->tape, i);
        for (size_t s = 0; s < LC_OPTIMIZER_SLOTS; s++) {
            LC_TRY(lc_alloc_array(&p->slot[s], p->count, sizeof *p->slot[s]));
        }
    }
    for (size_t step = 0; step < steps; step++) {
        memcpy(lc_tape_input(r->tape, 0), r->input, r->n * lc_tensor_count(&g->values[g->input].t) * sizeof(float));
        LC_TRY(lc_tape_forward(r->tape, r->n, step));
        LC_TRY(decide(r, step));
        lc_tensor logits = lc_tape_value(r->tape, r->logits);
        size_t count = lc_tensor_count(&logits);
        const lc_loss_options loss = {.classes = count / r->n};
        lc_loss_result result;
        if (step == 0) {
            float *copy;
            LC_TRY(keep(r, logits.data, count, &copy));
            r->names[r->tensor_count] = "logits";
            r->tensors[r->tensor_count++] = (lc_tensor){.rank = 2, .dims = {r->n, count / r->n}, .data = copy};
        }
        lc_loss(&loss, r->n, logits.data, r->labels, NULL, lc_tape_gradient(r->tape, r->logits), &result);
        r->losses[step] = (float)result.loss;
        LC_TRY(lc_tape_backward(r->tape));
        for (size_t i = 0; i < r->count; i++) {
            lc_parameter *p = &r->parameters[i];
            if (step == 0) {
                float *copy;
                LC_TRY(keep(r, p->gradient, p->count, &copy));
                r->names[r->tensor_count] = g->values[p->value].name;
                r->tensors[r->tensor_count] = g->values[p->value].t;
                r->tensors[r->tensor_count++].data = copy;
            }
            const lc_optimizer_step s = {rate, decay, 0.9f, false, 0.9f, 0.999f, 1e-8f, step + 1};
            optimizer->step(&s, p, 0, p->count);
        }
        LC_TRY(lc_tape_prepare(r->tape));
    }
    r->names[r->tensor_count] = "losses";
    r->tensors[r->tensor_count++] = (lc_tensor){.rank = 1, .dims = {steps}, .data = r->losses};
    return LC_OK;
}

int main(int argc, char **argv)
{
    run r = {0};
    const lc_optimizer *optimizer;
    if (argc < 9 || argc > 10) {
        return 2;
    }
    lc_status status = lc_network_open(&r.net, argv[1]);
    if (status == LC_OK) {
        status = read_batch(&r, argv[2]);
    }
    if (status == LC_OK) {
        const lc_weight *w = lc_weights_at(r.batch, 0);
        size_t i;
        w = lc_weights_find(r.batch, "input", &i) ? lc_weights_at(r.batch, i) : w;
        status = lc_graph_resize(r.net->model.graph, w->dims[1], w->dims[2]);
    }
    if (status == LC_OK) {
        status = choose(&r);
    }
    if (status == LC_OK) {
        status = lc_optimizer_find(argv[4], &optimizer);
    }
    if (status == LC_OK) {
        status = train(&r, optimizer, strtoul(argv[5], NULL, 10), strtof(argv[6], NULL), strtof(argv[7], NULL), strcmp(argv[8], "train") == 0,
                       argc == 10);
    }
    if (status == LC_OK) {
        status = lc_safetensors_write(argv[3], r.tensor_count, r.names, r.tensors, NULL);
    }
    if (status == LC_OK && argc == 10) {
        status = lc_safetensors_write(argv[9], r.decision_count, (const char *const *)r.decision_names, r.decisions, NULL);
    }
    if (status != LC_OK) {
        fprintf(stderr, "tape_steps: %s\n", lc_error_message());
    }
    release(&r);
    return status == LC_OK ? 0 : 1;
}
