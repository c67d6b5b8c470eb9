/*
 * Matrix products as ONNX's MatMul: the last two dimensions are matrices, those before them are repeated as in
 * broadcasting; a vector counts as a row on the left and as a column on the right.
 *
 * A constant right matrix is packed once, and all rows on the left are one product. Otherwise each matrix of the right
 * is packed into scratch memory when it is needed.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/ops/gemm.h"

typedef struct {
    size_t m, k, n, batch;               /* matrices of the result, of m x k times k x n */
    size_t a_batch[LC_MAX_RANK], b_batch[LC_MAX_RANK]; /* step of the operands per dimension of the batch, in matrices */
    size_t rank, dims[LC_MAX_RANK];      /* of the batch */
} product;

static lc_status product_of(const lc_op_call *c, product *p, lc_tensor *out)
{
    LC_TRY(lc_op_expect(c, 2, 0));
    const lc_tensor *a = c->in[0], *b = c->in[1];
    char ta[96], tb[96];
    *p = (product){.batch = 1};
    *out = (lc_tensor){0};
    size_t outer_a = a->rank > 2 ? a->rank - 2 : 0, outer_b = b->rank > 2 ? b->rank - 2 : 0, step_a = 1, step_b = 1;
    p->rank = outer_a > outer_b ? outer_a : outer_b;
    bool fit = a->rank > 0 && b->rank > 0;
    if (fit) {
        p->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
        p->k = a->dims[a->rank - 1];
        p->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
        fit = b->dims[b->rank > 1 ? b->rank - 2 : 0] == p->k;
    }
    for (size_t i = p->rank; fit && i-- > 0;) {
        size_t da = i + outer_a < p->rank ? 1 : a->dims[i + outer_a - p->rank];
        size_t db = i + outer_b < p->rank ? 1 : b->dims[i + outer_b - p->rank];
        fit = da == db || da == 1 || db == 1;
        p->dims[i] = out->dims[i] = da == 1 ? db : da;
        p->a_batch[i] = da == 1 ? 0 : step_a;
        p->b_batch[i] = db == 1 ? 0 : step_b;
        step_a *= da;
        step_b *= db;
        p->batch *= out->dims[i];
    }
    if (!fit) {
        return lc_fail(LC_ERR_SHAPE, "shapes %s and %s do not fit", lc_shape_text(ta, a->rank, a->dims),
                       lc_shape_text(tb, b->rank, b->dims));
    }
    out->rank = p->rank;
    if (a->rank > 1) {
        out->dims[out->rank++] = p->m;
    }
    if (b->rank > 1) {
        out->dims[out->rank++] = p->n;
    }
    return LC_OK;
}

/* Floats of one packed right matrix. */
static bool packed_size(const product *p, size_t *floats)
{
    return lc_add(p->n, LC_COLUMN_PADDING, floats) && lc_mul(*floats, p->k, floats);
}

static bool is_constant(const lc_tensor *b)
{
    return b->data && b->rank <= 2;
}

/* a (...,M,K), b (...,K,N) -> y (...,M,N) */
static lc_status infer(lc_op_call *c)
{
    product p;
    size_t floats;
    LC_TRY(product_of(c, &p, c->out));
    const lc_tensor *a = c->in[0], *b = c->in[1];
    if (!is_constant(b)) {
        size_t rows = a->rank ? a->dims[0] : 1, per_row = (p.batch + rows - 1) / rows;
        /* Every matrix has its own place, so that they can be packed side by side. */
        if (!packed_size(&p, &floats) || !lc_mul(floats, per_row, &c->scratch)) {
            return lc_fail(LC_ERR_NOMEM, "too large");
        }
        c->whole = a->data || (!b->data && a->rank != b->rank) || a->rank < 3;
    }
    return LC_OK;
}

static void release(void *state)
{
    if (state) {
        lc_gemm_free(state);
        free(state);
    }
}

/* The right matrix is packed when it is a constant; whether it is can only be seen here. */
static lc_status prepare(const lc_op_call *c, void **state)
{
    product p;
    lc_tensor out;
    lc_gemm *m = *state;
    LC_TRY(product_of(c, &p, &out));
    if (!is_constant(c->in[1])) {
        return LC_OK;
    }
    if (!m) {
        LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
        lc_status status = lc_gemm_allocate(m, c->kernels, c->arithmetic == LC_BF16 && p.k % 2 == 0, p.k, p.n);
        if (status != LC_OK) {
            release(m);
            return status;
        }
        *state = m;
    }
    lc_gemm_source source = {c->in[1]->data, 1, 0, p.n, p.k};
    lc_gemm_fill(m, c->kernels, &source);
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const product *p;
    size_t floats; /* of a packed right matrix */
} matmul_run;

/* Which matrix of an operand (its steps `batch`) matrix `item` of the result is made of. */
static size_t operand(const product *p, const size_t *batch, size_t item)
{
    size_t matrix = 0;
    for (size_t i = p->rank; i-- > 0; item /= p->dims[i]) {
        matrix += item % p->dims[i] * batch[i];
    }
    return matrix;
}

static lc_status one_matrix(void *context, size_t item)
{
    const matmul_run *r = context;
    const product *p = r->p;
    size_t a = operand(p, p->a_batch, item), b = operand(p, p->b_batch, item);
    lc_gemm m;
    lc_gemm_source source = {r->c->in[1]->data + b * p->k * p->n, 1, 0, p->n, p->k};
    lc_gemm_pack_into(&m, r->c->kernels, p->k, p->n, &source, r->c->scratch_data + item * r->floats);
    lc_epilogue e = lc_epilogue_none();
    return lc_gemm_dense(&m, r->c->kernels, NULL, p->m, r->c->in[0]->data + a * p->m * p->k, r->c->out->data + item * p->m * p->n, &e);
}

static lc_status forward(const lc_op_call *c)
{
    product p;
    lc_tensor out;
    LC_TRY(product_of(c, &p, &out));
    if (c->state) {
        lc_epilogue e = lc_epilogue_none();
        return lc_gemm_dense(c->state, c->kernels, c->threads, p.batch * p.m, c->in[0]->data, c->out->data, &e);
    }
    matmul_run r = {.c = c, .p = &p};
    if (!packed_size(&p, &r.floats)) {
        return lc_fail(LC_ERR_NOMEM, "too large");
    }
    return lc_op_rows(c->threads, p.batch, p.m * p.k * p.n / 16, one_matrix, &r);
}

static uint64_t macs(const lc_op_call *c)
{
    product p;
    lc_tensor out;
    return product_of(c, &p, &out) == LC_OK ? (uint64_t)p.batch * p.m * p.k * p.n : 0;
}

static void train_size(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    *saved = 0;
    *scratch = lc_gemm_turned_scratch(c->threads);
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    const product *p;
    size_t threads;
} gradient_run;

/* A thread's matrices of the left operand, every `threads`-th: da = sum of dy b^T over the results that it is part of. */
static lc_status left_matrices(void *context, size_t thread)
{
    const gradient_run *r = context;
    const product *p = r->p;
    size_t matrices = lc_tensor_count(r->c->in[0]) / (p->m * p->k);
    for (size_t a = thread; a < matrices; a += r->threads) {
        bool add = r->t->add[0];
        for (size_t i = 0; i < p->batch; i++) {
            if (operand(p, p->a_batch, i) == a) {
                const float *b = r->c->in[1]->data + operand(p, p->b_batch, i) * p->k * p->n;
                LC_TRY(lc_gemm_turned(r->c->kernels, NULL, p->m, p->n, p->k, r->t->dout + i * p->m * p->n, b, p->n, 1,
                                      r->t->din[0] + a * p->m * p->k, add, r->c->scratch_data + thread * lc_gemm_turned_scratch(NULL)));
                add = true;
            }
        }
    }
    return LC_OK;
}

/* A matrix of the right operand: db = sum of a^T dy. */
static lc_status right_matrix(void *context, size_t b)
{
    const gradient_run *r = context;
    const product *p = r->p;
    bool add = r->t->add[1];
    for (size_t i = 0; i < p->batch; i++) {
        if (operand(p, p->b_batch, i) == b) {
            const float *a = r->c->in[0]->data + operand(p, p->a_batch, i) * p->m * p->k;
            LC_TRY(lc_gemm_outer(r->c->kernels, NULL, p->m, p->k, p->n, a, r->t->dout + i * p->m * p->n,
                                 r->t->din[1] + b * p->k * p->n, add));
            add = true;
        }
    }
    return LC_OK;
}

/* dy (...,M,N) -> da (...,M,K), db (...,K,N) */
static lc_status backward(const lc_op_call *c, const lc_op_train *t)
{
    product p;
    lc_tensor out;
    LC_TRY(product_of(c, &p, &out));
    const lc_tensor *a = c->in[0], *b = c->in[1];
    if (b->rank <= 2 && lc_tensor_count(&out)) { /* one right matrix for all rows: one product */
        size_t rows = p.batch * p.m;
        if (t->din[0]) {
            LC_TRY(lc_gemm_turned(c->kernels, c->threads, rows, p.n, p.k, t->dout, b->data, p.n, 1, t->din[0], t->add[0], c->scratch_data));
        }
        return t->din[1] ? lc_gemm_outer(c->kernels, c->threads, rows, p.k, p.n, a->data, t->dout, t->din[1], t->add[1]) : LC_OK;
    }
    gradient_run r = {c, t, &p, lc_threads_count(c->threads)};
    if (t->din[0]) {
        LC_TRY(lc_parallel_for(c->threads, r.threads, left_matrices, &r));
    }
    return t->din[1] ? lc_parallel_for(c->threads, lc_tensor_count(b) / (p.k * p.n), right_matrix, &r) : LC_OK;
}

const lc_op lc_op_matmul = {
    .name = "matmul",
    .onnx = "MatMul",
    .flags = LC_OP_PLANAR | LC_OP_WEIGHTED | LC_OP_LEARNED,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .macs = macs,
    .keep = LC_KEEP_INPUT,
    .train_size = train_size,
    .backward = backward,
};
