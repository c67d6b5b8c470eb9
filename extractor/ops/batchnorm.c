/*
 * Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167): y = (x - mean) / sqrt(variance + epsilon) * weight + bias,
 * computed as y = x * scale + shift. In inference mean and variance are the running ones (section 3.1). In training they are
 * the batch's, over M = N H W numbers per channel, and the running ones follow, the variance with M - 1 (PyTorch's rule).
 *
 * Backward, with r = 1 / sqrt(variance + epsilon) and x^ = (x - mean) r, sums over the batch (section 3):
 *   dbias = sum dy   dweight = sum dy x^   dx = weight r (dy - dbias / M - x^ dweight / M)
 * and where mean and variance are constants dx = weight r dy.
 *
 * Sums run over blocks of rows, whose size depends on the number of channels only, and then over the blocks in double
 * precision: the same for any number of threads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/ops/gemm.h"
#include "extractor/ops/gradient.h"

typedef struct {
    float epsilon;
    int64_t training_mode;
} norm_params;

static const lc_attr attributes[] = {
    {"epsilon", LC_ATTR_FLOAT, offsetof(norm_params, epsilon), 0, 1e-5},
    {"training_mode", LC_ATTR_INT, offsetof(norm_params, training_mode), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (N,H,W,C), weight (C), bias (C), mean (C), variance (C) -> y (N,H,W,C); or x (N,C) */
static lc_status infer(lc_op_call *c)
{
    const norm_params *p = c->params;
    LC_TRY(lc_op_expect(c, 5, 0));
    const lc_tensor *x = c->in[0];
    if ((x->rank != 2 && x->rank != 4) || p->training_mode) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s", p->training_mode ? "exported in training mode; export the network in eval mode"
                                                                  : "wants 2 or 4 dimensions");
    }
    for (size_t i = 1; i < 5; i++) {
        if (!c->in[i]->data || lc_tensor_count(c->in[i]) != x->dims[x->rank - 1]) {
            return lc_fail(LC_ERR_SHAPE, "wants %zu constant numbers per statistic, got %zu", x->dims[x->rank - 1],
                           lc_tensor_count(c->in[i]));
        }
    }
    *c->out = *x;
    return LC_OK;
}

typedef struct {
    float *scale, *shift; /* (C), padded */
} norm_state;

static void release(void *state)
{
    norm_state *s = state;
    if (s) {
        free(s->scale);
        free(s->shift);
        free(s);
    }
}

static lc_status prepare(const lc_op_call *c, void **state)
{
    const norm_params *p = c->params;
    size_t channels = lc_tensor_count(c->in[1]);
    norm_state *s = *state;
    if (!s) {
        LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
        lc_status status = lc_pad_columns(&s->scale, c->in[1]->data, channels);
        if (status == LC_OK) {
            status = lc_pad_columns(&s->shift, c->in[2]->data, channels);
        }
        if (status != LC_OK) {
            release(s);
            return status;
        }
    }
    for (size_t j = 0; j < channels; j++) {
        double scale = (double)c->in[1]->data[j] / sqrt((double)c->in[4]->data[j] + (double)p->epsilon);
        s->scale[j] = (float)scale;
        s->shift[j] = (float)((double)c->in[2]->data[j] - (double)c->in[3]->data[j] * scale);
    }
    *state = s;
    return LC_OK;
}

static bool stage(const lc_op_call *c, lc_epilogue *e, int *addend)
{
    const norm_state *s = c->state;
    *addend = -1;
    if (e->scale || e->residual || e->low != -INFINITY || e->high != INFINITY) {
        return false;
    }
    e->scale = s->scale;
    e->shift = s->shift;
    return true;
}

static lc_status forward(const lc_op_call *c)
{
    const norm_state *s = c->state;
    lc_epilogue e = lc_epilogue_none();
    e.scale = s->scale;
    e.shift = s->shift;
    return lc_finish_map(c, &e);
}

enum {
    BLOCK = 1 << 14, /* numbers in a block of rows: they stay in the second-level cache */
    GROUP = 16,      /* channels whose sums over the blocks are an item */
};

static size_t block_rows(size_t columns)
{
    return columns < BLOCK ? BLOCK / columns : 1;
}

/* One pass of training over the rows of a map, in blocks. */
typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    size_t rows, columns, block, blocks;
    float *partial;                          /* (blocks, 2, columns): of each block mean and squares, or sum and product */
    float *scale, *shift, *back_x, *back_1;  /* (columns), padded; the last two: factors of lc_norm_gradient */
    lc_norm_gradient gradient;
} norm_run;

static norm_run run_of(const lc_op_call *c, const lc_op_train *t)
{
    size_t columns = lc_tensor_count(c->in[1]), rows = lc_tensor_count(c->in[0]) / columns, padded = columns + LC_COLUMN_PADDING;
    norm_run r = {.c = c, .t = t, .rows = rows, .columns = columns, .block = block_rows(columns)};
    r.blocks = (rows + r.block - 1) / r.block;
    r.scale = c->scratch_data;
    r.shift = r.scale + padded;
    r.back_x = r.shift + padded;
    r.back_1 = r.back_x + padded;
    r.partial = r.back_1 + padded;
    return r;
}

/* saved: mean (C) and 1 / sqrt(variance + epsilon) (C) */
static void train_size(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    size_t columns = lc_tensor_count(c->in[1]), rows = lc_tensor_count(c->in[0]) / columns, block = block_rows(columns);
    *saved = 2 * columns;
    *scratch = 4 * (columns + LC_COLUMN_PADDING) + (rows + block - 1) / block * 2 * columns;
}

static size_t block_of(const norm_run *r, size_t item)
{
    return r->rows - item * r->block < r->block ? r->rows - item * r->block : r->block;
}

static lc_status moments_block(void *context, size_t item)
{
    const norm_run *r = context;
    float *partial = r->partial + item * 2 * r->columns;
    r->c->kernels->moments(block_of(r, item), r->columns, r->c->in[0]->data + item * r->block * r->columns, partial, partial + r->columns);
    return LC_OK;
}

/* Means and squares of the blocks to those of the batch, for a few channels: squares round the common mean are those round
 * the block's and the distance of the means (Chan, Golub and LeVeque, "Updating formulae", 1979). */
static lc_status moments_group(void *context, size_t item)
{
    const norm_run *r = context;
    const norm_params *p = r->c->params;
    size_t end = (item + 1) * GROUP < r->columns ? (item + 1) * GROUP : r->columns, n = end - item * GROUP;
    double mean[GROUP] = {0}, squares[GROUP] = {0}, rows = (double)r->rows, momentum = (double)r->t->momentum;
    for (size_t b = 0; b < r->blocks; b++) {
        const float *partial = r->partial + b * 2 * r->columns + item * GROUP;
        for (size_t j = 0; j < n; j++) {
            mean[j] += (double)partial[j] * (double)block_of(r, b) / rows;
        }
    }
    for (size_t b = 0; b < r->blocks; b++) {
        const float *partial = r->partial + b * 2 * r->columns + item * GROUP;
        for (size_t j = 0; j < n; j++) {
            double d = (double)partial[j] - mean[j];
            squares[j] += (double)partial[r->columns + j] + d * d * (double)block_of(r, b);
        }
    }
    for (size_t j = 0; j < n; j++) {
        size_t k = item * GROUP + j;
        r->t->saved[k] = (float)mean[j];
        r->t->saved[r->columns + k] = (float)(1 / sqrt(squares[j] / rows + (double)p->epsilon));
        float *running_mean = r->c->in[3]->data + k, *running_variance = r->c->in[4]->data + k;
        *running_mean = (float)((1 - momentum) * (double)*running_mean + momentum * mean[j]);
        *running_variance = (float)((1 - momentum) * (double)*running_variance + momentum * squares[j] / (rows - 1));
    }
    return LC_OK;
}

static void scale_and_shift(const norm_run *r)
{
    for (size_t j = 0; j < r->columns + LC_COLUMN_PADDING; j++) {
        bool own = j < r->columns;
        r->scale[j] = own ? r->c->in[1]->data[j] * r->t->saved[r->columns + j] : 0;
        r->shift[j] = own ? (float)((double)r->c->in[2]->data[j] - (double)r->t->saved[j] * (double)r->scale[j]) : 0;
    }
}

/* Into saved. */
static lc_status find_statistics(norm_run *r)
{
    const lc_op_call *c = r->c;
    const norm_params *p = c->params;
    if (!r->t->batch_statistics) {
        for (size_t j = 0; j < r->columns; j++) {
            r->t->saved[j] = c->in[3]->data[j];
            r->t->saved[r->columns + j] = (float)(1 / sqrt((double)c->in[4]->data[j] + (double)p->epsilon));
        }
        return LC_OK;
    }
    if (r->rows < 2) {
        return lc_fail(LC_ERR_SHAPE, "one value per channel has no variance; use larger batches, or the running statistics");
    }
    LC_TRY(lc_parallel_for(c->threads, r->blocks, moments_block, r));
    return lc_parallel_for(c->threads, (r->columns + GROUP - 1) / GROUP, moments_group, r);
}

static lc_status train(const lc_op_call *c, const lc_op_train *t)
{
    norm_run r = run_of(c, t);
    LC_TRY(t->again ? LC_OK : find_statistics(&r));
    scale_and_shift(&r);
    lc_epilogue e = c->epilogue;
    e.scale = r.scale;
    e.shift = r.shift;
    return lc_finish_map(c, &e);
}

static lc_status sums_block(void *context, size_t item)
{
    const norm_run *r = context;
    size_t at = item * r->block * r->columns;
    float *partial = r->partial + item * 2 * r->columns;
    r->c->kernels->norm_sums(block_of(r, item), r->columns, &r->gradient, r->c->in[0]->data + at,
                             r->c->epilogue.residual ? r->c->out->data + at : NULL, r->t->dout + at, partial, partial + r->columns);
    return LC_OK;
}

/* The sums of the blocks, and what follows from them for a few channels. */
static lc_status sums_group(void *context, size_t item)
{
    const norm_run *r = context;
    size_t end = (item + 1) * GROUP < r->columns ? (item + 1) * GROUP : r->columns, n = end - item * GROUP;
    double sum[GROUP] = {0}, product[GROUP] = {0};
    for (size_t b = 0; b < r->blocks; b++) {
        const float *partial = r->partial + b * 2 * r->columns + item * GROUP;
        for (size_t j = 0; j < n; j++) {
            sum[j] += (double)partial[j];
            product[j] += (double)partial[r->columns + j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        size_t k = item * GROUP + j;
        double root = (double)r->t->saved[r->columns + k], scale = (double)r->scale[k];
        if (lc_wants(r->c, r->t, 1)) {
            lc_put(r->t->din[1] + k, product[j] * root, r->t->add[1]);
        }
        if (lc_wants(r->c, r->t, 2)) {
            lc_put(r->t->din[2] + k, sum[j], r->t->add[2]);
        }
        if (r->t->batch_statistics) {
            r->back_x[k] = (float)(-scale * root * root * product[j] / (double)r->rows);
            r->back_1[k] = (float)(-scale * sum[j] / (double)r->rows);
        }
    }
    return LC_OK;
}

static lc_status back_block(void *context, size_t item)
{
    const norm_run *r = context;
    const lc_op_train *t = r->t;
    size_t at = item * r->block * r->columns;
    r->c->kernels->norm_back(block_of(r, item), r->columns, &r->gradient, r->c->in[0]->data + at,
                             r->c->epilogue.residual ? r->c->out->data + at : NULL, t->dout + at, t->add[0],
                             t->din[0] ? t->din[0] + at : NULL, t->add_residual, t->dresidual ? t->dresidual + at : NULL);
    return LC_OK;
}

static lc_status backward(const lc_op_call *c, const lc_op_train *t)
{
    norm_run r = run_of(c, t);
    if (lc_wants(c, t, 3) || lc_wants(c, t, 4)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "no gradient by running statistics");
    }
    scale_and_shift(&r);
    memset(r.back_x, 0, 2 * (r.columns + LC_COLUMN_PADDING) * sizeof *r.back_x);
    r.gradient = (lc_norm_gradient){t->saved, r.scale, r.shift, r.scale, r.back_x, r.back_1, c->epilogue.low, c->epilogue.high};
    if (lc_wants(c, t, 1) || lc_wants(c, t, 2) || (t->batch_statistics && t->din[0])) {
        LC_TRY(lc_parallel_for(c->threads, r.blocks, sums_block, &r));
        LC_TRY(lc_parallel_for(c->threads, (r.columns + GROUP - 1) / GROUP, sums_group, &r));
    }
    return t->din[0] || t->dresidual ? lc_parallel_for(c->threads, r.blocks, back_block, &r) : LC_OK;
}

const lc_op lc_op_batchnorm = {
    .name = "batchnorm",
    .onnx = "BatchNormalization",
    .attributes = attributes,
    .params_size = sizeof(norm_params),
    .flags = LC_OP_INPLACE | LC_OP_LEARNED,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .stage = stage,
    .keep = LC_KEEP_INPUT,
    .train_size = train_size,
    .train = train,
    .backward = backward,
};

