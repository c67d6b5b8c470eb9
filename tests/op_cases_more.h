/*
 * Part of test_ops.c: cases and references of normalisations and of operators that move values.
 */

static void ref_layernorm(const lc_op_call *c, double *y)
{
    const lc_layernorm_params *p = c->params;
    size_t k = c->out->dims[c->out->rank - 1];
    for (size_t r = 0; r < lc_tensor_count(c->out) / k; r++) {
        double mean = 0, variance = 0;
        for (size_t j = 0; j < k; j++) {
            mean += D(c->in[0], r * k + j) / (double)k;
        }
        for (size_t j = 0; j < k; j++) {
            variance += pow(D(c->in[0], r * k + j) - mean, 2) / (double)k;
        }
        for (size_t j = 0; j < k; j++) {
            double v = (D(c->in[0], r * k + j) - mean) / sqrt(variance + (double)p->epsilon) * D(c->in[1], j);
            y[r * k + j] = v + (c->inputs > 2 ? D(c->in[2], j) : 0);
        }
    }
}

static const op_case cases_layernorm[] = {
    {.in = {MAP(2, 3, 2, 17), VEC(17), VEC(17)}, .params = &(lc_layernorm_params){.axis = 3, .epsilon = 1e-6f}},
    {.in = {ROW(5, 100), VEC(100)}, .params = &(lc_layernorm_params){.axis = 1, .epsilon = 1e-5f}},
    {.in = {{.rank = 3, .dims = {2, 3, 16}}, VEC(16), VEC(16)}, .params = &(lc_layernorm_params){.axis = 2, .epsilon = 1e-5f}},
};

static void ref_lrn(const lc_op_call *c, double *y)
{
    const lc_lrn_params *p = c->params;
    long size = (long)p->size, channels = (long)c->out->dims[3];
    for (long i = 0; i < (long)lc_tensor_count(c->out); i++) {
        double sum = 0;
        for (long k = i % channels - (size - 1) / 2; k <= i % channels + (size - 1) - (size - 1) / 2; k++) {
            sum += k >= 0 && k < channels ? pow(D(c->in[0], i - i % channels + k), 2) : 0;
        }
        y[i] = D(c->in[0], i) / pow((double)p->bias + (double)p->alpha * sum / (double)size, (double)p->beta);
    }
}

static const op_case cases_lrn[] = {
    {.in = {MAP(2, 3, 2, 17)}, .params = &(lc_lrn_params){5, 0.5f, 0.75f, 1}},
    {.in = {MAP(1, 2, 2, 3)}, .params = &(lc_lrn_params){4, 1e-4f, 0.5f, 2}},
    {.in = {MAP(1, 1, 2, 2)}, .params = &(lc_lrn_params){9, 0.3f, 0.75f, 1}},
};

static void ref_global_maxpool(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims;
    for (size_t i = 0; i < d[0] * d[3]; i++) {
        y[i] = -INFINITY;
        for (size_t p = 0; p < d[1] * d[2]; p++) {
            y[i] = fmax(y[i], D(c->in[0], (i / d[3] * d[1] * d[2] + p) * d[3] + i % d[3]));
        }
    }
}

static const op_case cases_global_maxpool[] = {{.in = {MAP(2, 7, 7, 33)}}, {.in = {MAP(1, 1, 1, 5)}}};

static void ref_adaptive_avgpool(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims, *o = c->out->dims;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t k = i % o[3], ox = i / o[3] % o[2], oy = i / o[3] / o[2] % o[1], n = i / o[3] / o[2] / o[1];
        double sum = 0, count = 0;
        for (size_t iy = oy * d[1] / o[1]; (double)iy < ceil((double)(oy + 1) * (double)d[1] / (double)o[1]); iy++) {
            for (size_t ix = ox * d[2] / o[2]; (double)ix < ceil((double)(ox + 1) * (double)d[2] / (double)o[2]); ix++) {
                sum += D(c->in[0], ((n * d[1] + iy) * d[2] + ix) * d[3] + k);
                count++;
            }
        }
        y[i] = sum / count;
    }
}

static const op_case cases_adaptive_avgpool[] = {
    {.in = {MAP(2, 13, 13, 17)}, .params = &(lc_adaptive_params){6, 6}},
    {.in = {MAP(1, 7, 5, 4)}, .params = &(lc_adaptive_params){7, 7}},
    {.in = {MAP(1, 4, 9, 4)}, .params = &(lc_adaptive_params){1, 3}},
};

static void ref_slice(const lc_op_call *c, double *y)
{
    const lc_slice_params *p = c->params;
    const lc_tensor *x = c->in[0];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t rest = i, at = 0, step = 1;
        for (size_t k = x->rank; k-- > 0; rest /= c->out->dims[k], step *= x->dims[k]) {
            long index = (long)(rest % c->out->dims[k]);
            for (size_t a = 0; a < p->starts.count; a++) {
                if (p->axes.v[a] == (int64_t)k) {
                    long size = (long)x->dims[k], start = (long)p->starts.v[a];
                    start = start < 0 ? start + size : start;
                    start = start >= size ? size - 1 : start;
                    index = start + index * (p->steps.count ? (long)p->steps.v[a] : 1);
                }
            }
            at += (size_t)index * step;
        }
        y[i] = D(x, at);
    }
}

static const op_case cases_slice[] = {
    {.in = {MAP(2, 3, 4, 17)}, .params = &(lc_slice_params){{1, {3}}, {1, {11}}, {1, {3}}, {0}}},
    {.in = {MAP(1, 8, 9, 5)}, .params = &(lc_slice_params){{2, {0, 1}}, {2, {INT64_MAX, -1}}, {2, {1, 2}}, {2, {2, 3}}}},
    {.in = {MAP(1, 8, 9, 5)}, .params = &(lc_slice_params){{2, {-1, 100}}, {2, {INT64_MIN, 2}}, {2, {3, 1}}, {2, {-2, -1}}}},
};

static void ref_channel_shuffle(const lc_op_call *c, double *y)
{
    const lc_shuffle_params *p = c->params;
    size_t channels = c->out->dims[3], own = channels / p->groups;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t k = i % channels;
        y[i / channels * channels + k % own * p->groups + k / own] = D(c->in[0], i);
    }
}

static const op_case cases_channel_shuffle[] = {
    {.in = {MAP(2, 3, 2, 12)}, .params = &(lc_shuffle_params){3}},
    {.in = {MAP(1, 2, 2, 58)}, .params = &(lc_shuffle_params){2}},
};
