/*
 * Normalisations over what lies at one place.
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gradient.h"
#include "extractor/ops/norm.h"

/*
 * Layer normalisation (Ba, Kiros, Hinton, arXiv:1607.06450) over the last dimension, which is the channels of a map:
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias, the variance divided by C.
 */
static const lc_attr layernorm_attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(lc_layernorm_params, axis), 0, -1},
    {"epsilon", LC_ATTR_FLOAT, offsetof(lc_layernorm_params, epsilon), 0, 1e-5},
    {"stash_type", LC_ATTR_INT, offsetof(lc_layernorm_params, stash_type), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x (...,C), weight (C)[, bias (C)] -> y (...,C) */
static lc_status infer_layernorm(lc_op_call *c)
{
    const lc_layernorm_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 0));
    const lc_tensor *x = c->in[0];
    if (x->rank < 1 || p->axis != (int64_t)x->rank - 1) {
        return lc_fail(LC_ERR_UNSUPPORTED, "from dimension %lld of %zu on; over the last one is known", (long long)p->axis, x->rank);
    }
    for (size_t i = 1; i < 3; i++) {
        if (i < c->inputs && c->in[i] && (!c->in[i]->data || lc_tensor_count(c->in[i]) != x->dims[x->rank - 1])) {
            return lc_fail(LC_ERR_SHAPE, "wants %zu constant numbers, got %zu", x->dims[x->rank - 1], lc_tensor_count(c->in[i]));
        }
    }
    *c->out = *x;
    return LC_OK;
}

static lc_status layernorm_row(void *context, size_t item)
{
    const lc_op_call *c = context;
    const lc_layernorm_params *p = c->params;
    size_t columns = c->in[0]->dims[c->in[0]->rank - 1];
    float *y = c->out->data + item * columns;
    c->kernels->normalize(columns, c->in[0]->data + item * columns, p->epsilon, y);
    c->kernels->combine(LC_MUL, columns, y, false, c->in[1]->data, false, y);
    if (c->inputs > 2 && c->in[2]) {
        c->kernels->combine(LC_ADD, columns, y, false, c->in[2]->data, false, y);
    }
    return LC_OK;
}

static lc_status forward_layernorm(const lc_op_call *c)
{
    size_t columns = c->in[0]->dims[c->in[0]->rank - 1], rows = lc_tensor_count(c->in[0]) / columns;
    return lc_op_rows(c->threads, rows, columns, layernorm_row, (void *)(uintptr_t)c);
}

/*
 * Backward, with g = dy weight and x^ the normalised row: dx = (g - mean g - x^ mean(g x^)) / sqrt(variance + epsilon).
 * dweight = sum dy x^ and dbias = sum dy go over blocks of rows first, whose size depends on C only.
 */
enum { BLOCK = 1 << 14 };

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    size_t rows, columns, block, blocks;
    float *partial; /* (blocks, 2, columns) */
} back_run;

static back_run back_of(const lc_op_call *c, const lc_op_train *t)
{
    size_t columns = c->in[0]->dims[c->in[0]->rank - 1];
    back_run r = {.c = c, .t = t, .rows = lc_tensor_count(c->in[0]) / columns, .columns = columns, .partial = c->scratch_data};
    r.block = columns < BLOCK ? BLOCK / columns : 1;
    r.blocks = (r.rows + r.block - 1) / r.block;
    return r;
}

static void size_layernorm(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    back_run r = back_of(c, NULL);
    *saved = 0;
    *scratch = r.blocks * 2 * r.columns;
}

static void layernorm_row_back(const back_run *r, size_t row, float *dweight, float *dbias)
{
    const lc_layernorm_params *p = r->c->params;
    size_t n = r->columns;
    const float *x = r->c->in[0]->data + row * n, *dy = r->t->dout + row * n, *weight = r->c->in[1]->data;
    double mean = 0, variance = 0, sum = 0, product = 0;
    for (size_t j = 0; j < n; j++) {
        mean += (double)x[j] / (double)n;
    }
    for (size_t j = 0; j < n; j++) {
        variance += ((double)x[j] - mean) * ((double)x[j] - mean) / (double)n;
    }
    double root = 1 / sqrt(variance + (double)p->epsilon);
    for (size_t j = 0; j < n; j++) {
        double g = (double)dy[j] * (double)weight[j], normal = ((double)x[j] - mean) * root;
        sum += g / (double)n;
        product += g * normal / (double)n;
        dweight[j] += (float)((double)dy[j] * normal);
        dbias[j] += dy[j];
    }
    for (size_t j = 0; r->t->din[0] && j < n; j++) {
        double g = (double)dy[j] * (double)weight[j], normal = ((double)x[j] - mean) * root;
        lc_put(r->t->din[0] + row * n + j, root * (g - sum - normal * product), r->t->add[0]);
    }
}

static lc_status layernorm_block_back(void *context, size_t item)
{
    const back_run *r = context;
    float *partial = r->partial + item * 2 * r->columns;
    memset(partial, 0, 2 * r->columns * sizeof *partial);
    for (size_t row = item * r->block; row < r->rows && row < (item + 1) * r->block; row++) {
        layernorm_row_back(r, row, partial, partial + r->columns);
    }
    return LC_OK;
}

static lc_status backward_layernorm(const lc_op_call *c, const lc_op_train *t)
{
    back_run r = back_of(c, t);
    LC_TRY(lc_parallel_for(c->threads, r.blocks, layernorm_block_back, &r));
    for (size_t i = 1; i < 3; i++) {
        for (size_t j = 0; lc_wants(c, t, i) && j < r.columns; j++) {
            double sum = 0;
            for (size_t b = 0; b < r.blocks; b++) {
                sum += (double)r.partial[(b * 2 + i - 1) * r.columns + j];
            }
            lc_put(t->din[i] + j, sum, t->add[i]);
        }
    }
    return LC_OK;
}

const lc_op lc_op_layernorm = {
    .name = "layernorm",
    .onnx = "LayerNormalization",
    .attributes = layernorm_attributes,
    .params_size = sizeof(lc_layernorm_params),
    .flags = LC_OP_INPLACE | LC_OP_LEARNED | LC_OP_EITHER,
    .infer = infer_layernorm,
    .forward = forward_layernorm,
    .keep = LC_KEEP_INPUT,
    .train_size = size_layernorm,
    .backward = backward_layernorm,
};

/*
 * Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3, as ONNX scales it):
 * y_c = x_c / (bias + alpha / size * sum of x_i^2 for i from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2)) ^ beta.
 */
static const lc_attr lrn_attributes[] = {
    {"size", LC_ATTR_INT, offsetof(lc_lrn_params, size), 0, 1},
    {"alpha", LC_ATTR_FLOAT, offsetof(lc_lrn_params, alpha), 0, 1e-4},
    {"beta", LC_ATTR_FLOAT, offsetof(lc_lrn_params, beta), 0, 0.75},
    {"bias", LC_ATTR_FLOAT, offsetof(lc_lrn_params, bias), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x (N,H,W,C) -> y (N,H,W,C) */
static lc_status infer_lrn(lc_op_call *c)
{
    const lc_lrn_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 4));
    if (p->size < 1 || p->size > 1 << 15) {
        return lc_fail(LC_ERR_SHAPE, "a size of %lld", (long long)p->size);
    }
    *c->out = *c->in[0];
    return LC_OK;
}

static lc_status lrn_pixel(void *context, size_t item)
{
    const lc_op_call *c = context;
    const lc_lrn_params *p = c->params;
    size_t channels = c->in[0]->dims[3], size = (size_t)p->size, below = (size - 1) / 2, above = size - 1 - below;
    const float *x = c->in[0]->data + item * channels;
    float *y = c->out->data + item * channels;
    for (size_t k = 0; k < channels; k++) {
        size_t first = k > below ? k - below : 0, last = above < channels - 1 - k ? k + above : channels - 1;
        float sum = 0;
        for (size_t i = first; i <= last; i++) {
            sum += x[i] * x[i];
        }
        y[k] = x[k] / powf(p->bias + p->alpha / (float)size * sum, p->beta);
    }
    return LC_OK;
}

static lc_status forward_lrn(const lc_op_call *c)
{
    return lc_op_rows(c->threads, lc_tensor_count(c->in[0]) / c->in[0]->dims[3], c->in[0]->dims[3], lrn_pixel, (void *)(uintptr_t)c);
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
} lrn_run;

/* Backward, with s_k what is raised to beta: dx_i = dy_i s_i^-beta - 2 alpha beta / size x_i sum of dy_k x_k s_k^(-beta - 1)
 * over the k whose sums x_i is part of. */
static lc_status lrn_pixel_back(void *context, size_t item)
{
    const lrn_run *r = context;
    const lc_lrn_params *p = r->c->params;
    size_t channels = r->c->in[0]->dims[3], size = (size_t)p->size, below = (size - 1) / 2, above = size - 1 - below;
    const float *x = r->c->in[0]->data + item * channels, *dy = r->t->dout + item * channels;
    float *dx = r->t->din[0] + item * channels, *own = r->c->scratch_data + 2 * item * channels, *shared = own + channels;
    for (size_t k = 0; k < channels; k++) {
        size_t first = k > below ? k - below : 0, last = above < channels - 1 - k ? k + above : channels - 1;
        float sum = 0;
        for (size_t i = first; i <= last; i++) {
            sum += x[i] * x[i];
        }
        float s = p->bias + p->alpha / (float)size * sum;
        own[k] = dy[k] * powf(s, -p->beta);
        shared[k] = own[k] * x[k] / s;
    }
    for (size_t i = 0; i < channels; i++) {
        size_t first = i > above ? i - above : 0, last = below < channels - 1 - i ? i + below : channels - 1;
        float sum = 0;
        for (size_t k = first; k <= last; k++) {
            sum += shared[k];
        }
        lc_put(dx + i, (double)(own[i] - 2 * p->alpha * p->beta / (float)size * x[i] * sum), r->t->add[0]);
    }
    return LC_OK;
}

static void size_lrn(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    *saved = 0;
    *scratch = 2 * lc_tensor_count(c->in[0]);
}

static lc_status backward_lrn(const lc_op_call *c, const lc_op_train *t)
{
    lrn_run r = {c, t};
    size_t channels = c->in[0]->dims[3];
    return lc_wants(c, t, 0) ? lc_op_rows(c->threads, lc_tensor_count(c->in[0]) / channels, channels, lrn_pixel_back, &r) : LC_OK;
}

const lc_op lc_op_lrn = {
    .name = "lrn",
    .onnx = "LRN",
    .attributes = lrn_attributes,
    .params_size = sizeof(lc_lrn_params),
    .infer = infer_lrn,
    .forward = forward_lrn,
    .keep = LC_KEEP_INPUT,
    .train_size = size_lrn,
    .backward = backward_lrn,
};
