/*
 * Part of op_cases.h: cases and references of operators that move values.
 */

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

static void ref_channels_last(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims;
    size_t area = d[2] * d[3];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = D(c->in[0], (i / d[1] / area * d[1] + i % d[1]) * area + i / d[1] % area);
    }
}

static const op_case cases_channels_last[] = {{.in = {MAP(2, 3, 4, 5)}}, {.in = {MAP(1, 9, 1, 1)}}};

#define ref_squeeze ref_copy
#define ref_unsqueeze ref_copy
static const op_case cases_squeeze[] = {{.in = {MAP(2, 1, 4, 1)}, .params = &(one_list){{2, {1, -1}}}}, {.in = {ROW(3, 1)}, .params = &(one_list){{0}}}};
static const op_case cases_unsqueeze[] = {{.in = {ROW(2, 4)}, .params = &(one_list){{2, {0, -1}}}}};

static void ref_cast(const lc_op_call *c, double *y)
{
    const int64_t *to = c->params;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = *to == 1 ? D(c->in[0], i) : trunc(D(c->in[0], i));
    }
}

static const op_case cases_cast[] = {{.in = {ROW(2, 4)}, .params = &(int64_t[2]){1, 1}}};

/* Index of dimension k of element i of t. */
static size_t index_of(const lc_tensor *t, size_t i, size_t k)
{
    for (size_t j = t->rank; --j > k;) {
        i /= t->dims[j];
    }
    return i % t->dims[k];
}

static void ref_transpose(const lc_op_call *c, double *y)
{
    const one_list *p = c->params;
    const lc_tensor *x = c->in[0];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t at = 0;
        for (size_t k = 0; k < x->rank; k++) { /* dimension k of x is dimension j of y */
            size_t j = x->rank - 1 - k;
            for (size_t q = 0; q < p->list.count; q++) {
                j = p->list.v[q] == (int64_t)k ? q : j;
            }
            at = at * x->dims[k] + index_of(c->out, i, j);
        }
        y[i] = D(x, at);
    }
}

static const op_case cases_transpose[] = {
    {.in = {MAP(2, 3, 4, 5)}, .params = &(one_list){{4, {0, 2, 1, 3}}}},
    {.in = {MAP(2, 3, 4, 5)}, .params = &(one_list){{4, {3, 0, 2, 1}}}},
    {.in = {ROW(100, 70)}, .params = &(one_list){{0}}},
};

static void ref_expand(const lc_op_call *c, double *y)
{
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = repeated(c->in[0], c->out, i);
    }
}

static const op_case cases_expand[] = {
    {.in = {ROW(3, 1)}, .params = &(one_list){{3, {2, 1, 4}}}},
    {.in = {MAP(1, 3, 1, 5)}, .params = &(one_list){{3, {3, 6, 5}}}},
};

static void ref_tile(const lc_op_call *c, double *y)
{
    const lc_tensor *x = c->in[0];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t at = 0;
        for (size_t k = 0; k < x->rank; k++) {
            at = at * x->dims[k] + index_of(c->out, i, k) % x->dims[k];
        }
        y[i] = D(x, at);
    }
}

static const op_case cases_tile[] = {{.in = {MAP(1, 3, 2, 5)}, .params = &(one_list){{4, {2, 1, 3, 2}}}}};

static void ref_gather(const lc_op_call *c, double *y)
{
    const lc_axis_params *p = c->params;
    const lc_tensor *x = c->in[0], *index = c->in[1];
    size_t inner = 1, count = lc_tensor_count(index), size = x->dims[p->axis];
    for (size_t k = (size_t)p->axis + 1; k < x->rank; k++) {
        inner *= x->dims[k];
    }
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        double at = D(index, i / inner % count);
        y[i] = D(x, (i / inner / count * size + (size_t)(at < 0 ? at + (double)size : at)) * inner + i % inner);
    }
}

static const op_case cases_gather[] = {
    {.in = {MAP(2, 3, 4, 5), {.rank = 2, .dims = {2, 2}, .data = (float[]){2, 0, -1, 1}}}, .axis = {1}},
    {.in = {ROW(3, 4), {.rank = 1, .dims = {1}, .data = (float[]){-2}}}, .axis = {0}},
    {.in = {{.rank = 3, .dims = {2, 3, 4}}, {.rank = 1, .dims = {3}, .data = (float[]){3, 3, 0}}}, .axis = {2}},
};

static void ref_scatter_nd(const lc_op_call *c, double *y)
{
    ref_copy(c, y);
    for (size_t i = 0; i < 2; i++) { /* of the case below */
        for (size_t k = 0; k < 5; k++) {
            y[((size_t)D(c->in[1], 2 * i) * 4 + (size_t)(D(c->in[1], 2 * i + 1) + 4) % 4) * 5 + k] = D(c->in[2], i * 5 + k);
        }
    }
}

static const op_case cases_scatter_nd[] = {
    {.in = {{.rank = 3, .dims = {3, 4, 5}}, {.rank = 2, .dims = {2, 2}, .data = (float[]){2, 1, 0, -1}}, ROW(2, 5)}},
};

/* Of depth_to_space and space_to_depth. */
typedef struct {
    int64_t blocksize;
    char mode[LC_OP_WORD];
} block_params;

static void ref_depth_to_space(const lc_op_call *c, double *y)
{
    const block_params *p = c->params;
    const size_t *d = c->in[0]->dims;
    size_t b = (size_t)p->blocksize, own = d[1] / b / b;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t n = index_of(c->out, i, 0), k = index_of(c->out, i, 1), h = index_of(c->out, i, 2), w = index_of(c->out, i, 3);
        size_t place = h % b * b + w % b, channel = strcmp(p->mode, "CRD") == 0 ? k * b * b + place : place * own + k;
        y[i] = D(c->in[0], ((n * d[1] + channel) * d[2] + h / b) * d[3] + w / b);
    }
}

static void ref_space_to_depth(const lc_op_call *c, double *y)
{
    const block_params *p = c->params;
    const size_t *d = c->in[0]->dims;
    size_t b = (size_t)p->blocksize;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t n = index_of(c->out, i, 0), k = index_of(c->out, i, 1), h = index_of(c->out, i, 2), w = index_of(c->out, i, 3);
        size_t place = k / d[1];
        y[i] = D(c->in[0], ((n * d[1] + k % d[1]) * d[2] + h * b + place / b) * d[3] + w * b + place % b);
    }
}

static const op_case cases_depth_to_space[] = {
    {.in = {MAP(2, 12, 3, 5)}, .params = &(block_params){2, "DCR"}},
    {.in = {MAP(1, 18, 2, 3)}, .params = &(block_params){3, "CRD"}},
};
static const op_case cases_space_to_depth[] = {{.in = {MAP(2, 3, 4, 6)}, .params = &(block_params){2, ""}}};

/* Of pad. */
typedef struct {
    lc_ints pads, axes;
    char mode[LC_OP_WORD];
    float value;
} pad_params;

static void ref_pad(const lc_op_call *c, double *y)
{
    const pad_params *p = c->params;
    const lc_tensor *x = c->in[0];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t at = 0;
        bool outside = false;
        for (size_t k = 0; k < x->rank; k++) {
            long index = (long)index_of(c->out, i, k), size = (long)x->dims[k];
            for (size_t a = 0; a < p->axes.count; a++) {
                index -= p->axes.v[a] == (int64_t)k ? (long)p->pads.v[a] : 0;
            }
            if (strcmp(p->mode, "edge") == 0) {
                index = index < 0 ? 0 : index >= size ? size - 1 : index;
            } else if (strcmp(p->mode, "reflect") == 0) {
                index = labs(index);
                index = index >= size ? 2 * (size - 1) - index : index;
            }
            outside = outside || index < 0 || index >= size;
            at = at * (size_t)size + (size_t)index;
        }
        y[i] = outside ? (double)p->value : D(x, at);
    }
}

static const op_case cases_pad[] = {
    {.in = {MAP(2, 3, 4, 5)}, .params = &(pad_params){{4, {1, 0, 2, 3}}, {2, {1, 2}}, "constant", 0.5f}},
    {.in = {MAP(2, 3, 4, 5)}, .params = &(pad_params){{6, {2, 1, 0, 1, 3, 4}}, {3, {1, 2, 3}}, "reflect", 0}},
    {.in = {MAP(2, 3, 4, 5)}, .params = &(pad_params){{4, {5, -1, 2, 3}}, {2, {2, 1}}, "edge", 0}},
};

/* Of resize and upsample. */
typedef struct {
    lc_floats scales, early;
    lc_ints sizes, axes;
    char mode[LC_OP_WORD], nearest_mode[LC_OP_WORD], place[LC_OP_WORD];
    int64_t opset, antialias, exclude_outside;
    float cubic, extrapolation;
} resize_params;

/* Along one dimension: what is at place `at` of `out`, as a mixture of two places. */
static void resized(const resize_params *p, bool old, double scale, size_t at, size_t in, size_t out, size_t near[2], double *second)
{
    double x = (double)at / scale, most = (double)in - 1;
    if (strstr(p->place, "half_pixel") || (!old && !p->place[0])) {
        x = ((double)at + 0.5) / scale - 0.5;
    }
    if (strcmp(p->place, "align_corners") == 0) {
        x = (double)at * most / ((double)out - 1);
    }
    if (!strstr(p->mode, "linear")) {
        x = strcmp(p->nearest_mode, "floor") == 0 || (old && !p->nearest_mode[0]) ? floor(x) : ceil(x - 0.5);
    }
    near[0] = (size_t)fmin(fmax(floor(x), 0), most);
    near[1] = (size_t)fmin(fmax(floor(x) + 1, 0), most);
    *second = x - floor(x);
}

/* Keys' cubic convolution kernel. */
static double cubic_weight(double a, double x)
{
    x = fabs(x);
    return x < 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

/* All of the picture, and two places around it, weighed by the kernel. */
static double cubic_reference(const lc_op_call *c, size_t i)
{
    const resize_params *p = c->params;
    const size_t *d = c->in[0]->dims, *o = c->out->dims;
    double sum = 0, weights = 0, scale_y = (double)o[1] / (double)d[1], scale_x = (double)o[2] / (double)d[2];
    double y = ((double)(i / o[3] / o[2] % o[1]) + 0.5) / scale_y - 0.5, x = ((double)(i / o[3] % o[2]) + 0.5) / scale_x - 0.5;
    for (double row = -4; row < (double)d[1] + 4; row++) {
        for (double column = -4; column < (double)d[2] + 4; column++) {
            size_t r = (size_t)fmin(fmax(row, 0), (double)d[1] - 1), k = (size_t)fmin(fmax(column, 0), (double)d[2] - 1);
            bool outside = row != (double)r || column != (double)k;
            double w = p->exclude_outside && outside ? 0 : cubic_weight((double)p->cubic, y - row) * cubic_weight((double)p->cubic, x - column);
            sum += w * D(c->in[0], ((i / o[3] / o[2] / o[1] * d[1] + r) * d[2] + k) * d[3] + i % o[3]);
            weights += w;
        }
    }
    return sum / weights;
}

static void resize_reference(const lc_op_call *c, double *y, bool old)
{
    const resize_params *p = c->params;
    const size_t *d = c->in[0]->dims, *o = c->out->dims;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        if (strcmp(p->mode, "cubic") == 0) {
            y[i] = cubic_reference(c, i);
            continue;
        }
        size_t rows[2], columns[2], n = i / o[3] / o[2] / o[1];
        double wy, wx, scale_y = p->sizes.count ? (double)o[1] / (double)d[1] : (double)p->scales.v[2];
        double scale_x = p->sizes.count ? (double)o[2] / (double)d[2] : (double)p->scales.v[3];
        resized(p, old, scale_y, i / o[3] / o[2] % o[1], d[1], o[1], rows, &wy);
        resized(p, old, scale_x, i / o[3] % o[2], d[2], o[2], columns, &wx);
        y[i] = 0;
        for (size_t k = 0; k < 4; k++) {
            double v = D(c->in[0], ((n * d[1] + rows[k / 2]) * d[2] + columns[k % 2]) * d[3] + i % o[3]);
            y[i] += v * (k / 2 ? wy : 1 - wy) * (k % 2 ? wx : 1 - wx);
        }
    }
}

static void ref_resize(const lc_op_call *c, double *y)
{
    resize_reference(c, y, false);
}

static void ref_upsample(const lc_op_call *c, double *y)
{
    resize_reference(c, y, true);
}

#define SCALED(h, w, mode_, place_, nearest) \
    {.in = {MAP(2, 4, 5, 17)}, .params = &(resize_params){.scales = {4, {1, 1, h, w}}, .mode = mode_, .place = place_, .nearest_mode = nearest, .opset = 13}}
#define SIZED(h, w, mode_, place_, nearest) \
    {.in = {MAP(1, 4, 5, 3)}, .params = &(resize_params){.sizes = {4, {1, 3, h, w}}, .mode = mode_, .place = place_, .nearest_mode = nearest, .opset = 13}}
#define CUBIC(h, w, a, inside) \
    {.in = {MAP(2, 4, 5, 3)}, .params = &(resize_params){.sizes = {4, {1, 3, h, w}}, .mode = "cubic", .opset = 13, .cubic = a, .exclude_outside = inside}}
static const op_case cases_resize[] = {
    CUBIC(7, 11, -0.75f, 0), CUBIC(8, 3, -0.5f, 1),
    SCALED(2, 2, "nearest", "asymmetric", "floor"), SCALED(2, 1.5f, "linear", "", ""),      SCALED(0.5f, 3, "linear", "asymmetric", ""),
    SIZED(7, 9, "linear", "align_corners", ""),     SIZED(7, 3, "nearest", "half_pixel", ""), SIZED(8, 10, "linear", "pytorch_half_pixel", ""),
};
static const op_case cases_upsample[] = {SCALED(2, 3, "nearest", "", ""), SCALED(2, 2, "linear", "", "")};
