#include "extractor/ops/gradient.h"

enum { CHUNK = 1 << 14 };

typedef struct {
    const lc_op_call *c;
    const float *from;
    float *to, scale;
    size_t count;
    bool add;
} scale_run;

static lc_status scale_chunk(void *context, size_t item)
{
    const scale_run *r = context;
    size_t first = item * CHUNK, n = r->count - first < CHUNK ? r->count - first : CHUNK;
    r->c->kernels->scale(n, r->scale, r->from + first, r->add, r->to + first);
    return LC_OK;
}

lc_status lc_gradient_scaled(const lc_op_call *c, const lc_op_train *t, size_t i, const float *from, float scale)
{
    scale_run r = {c, from, t->din[i], scale, lc_tensor_count(c->in[i]), t->add[i]};
    if (r.to == from && scale == 1 && !r.add) {
        return LC_OK;
    }
    return lc_parallel_for(c->threads, (r.count + CHUNK - 1) / CHUNK, scale_chunk, &r);
}

lc_status lc_view_backward(const lc_op_call *c, const lc_op_train *t)
{
    return lc_wants(c, t, 0) ? lc_gradient_scaled(c, t, 0, t->dout, 1) : LC_OK;
}
