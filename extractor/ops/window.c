#include "extractor/ops/window.h"

#include <string.h>

/* No network has a kernel, stride, padding or dilation near this; below it no product of two can overflow. */
enum { LIMIT = 1 << 15 };

static lc_status number(const lc_ints *list, size_t i, size_t wanted, const char *name, int64_t least, size_t fallback,
                        size_t *out)
{
    *out = fallback;
    if (list->count == 0) {
        return LC_OK;
    }
    if (list->count != wanted) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s has %zu numbers, not %zu: only 2-D windows are known", name, list->count,
                       wanted);
    }
    if (list->v[i] < least || list->v[i] > LIMIT) {
        return lc_fail(LC_ERR_SHAPE, "%s holds %lld", name, (long long)list->v[i]);
    }
    *out = (size_t)list->v[i];
    return LC_OK;
}

/*
 * One dimension. With explicit padding the output has floor((in + pads - extent) / stride) + 1 places; ceil_mode
 * rounds up, but a window that would start in the padding behind the input is dropped (PyTorch's rule, which ONNX
 * exports rely on). SAME_UPPER and SAME_LOWER pad so that the output has ceil(in / stride) places.
 */
static lc_status resolve(size_t in, size_t kernel, size_t stride, size_t dilation, const char *auto_pad, bool ceil_mode,
                         size_t *begin, size_t *end, size_t *out)
{
    size_t extent = (kernel - 1) * dilation + 1;
    if (in > (size_t)1 << 30) {
        return lc_fail(LC_ERR_SHAPE, "a map of %zu rows is too large", in);
    }
    if (strncmp(auto_pad, "SAME", 4) == 0) {
        *out = (in + stride - 1) / stride;
        size_t wanted = *out ? (*out - 1) * stride + extent : 0;
        size_t total = wanted > in ? wanted - in : 0;
        *begin = strcmp(auto_pad, "SAME_LOWER") == 0 ? total - total / 2 : total / 2;
        *end = total - *begin;
    } else if (strcmp(auto_pad, "VALID") == 0) {
        *begin = *end = 0;
    }
    size_t padded = in + *begin + *end;
    if (in == 0 || padded < extent) {
        return lc_fail(LC_ERR_SHAPE, "a window of %zu does not fit an input of %zu with padding %zu + %zu", extent, in,
                       *begin, *end);
    }
    *out = (padded - extent + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (*out - 1) * stride >= in + *begin) {
        --*out;
    }
    return LC_OK;
}

lc_status lc_window_resolve(lc_window *w, const lc_window_params *p, size_t height, size_t width, size_t kernel_h,
                            size_t kernel_w)
{
    *w = (lc_window){.in_h = height, .in_w = width};
    LC_TRY(number(&p->kernel_shape, 0, 2, "kernel_shape", 1, kernel_h, &w->kernel_h));
    LC_TRY(number(&p->kernel_shape, 1, 2, "kernel_shape", 1, kernel_w, &w->kernel_w));
    LC_TRY(number(&p->strides, 0, 2, "strides", 1, 1, &w->stride_h));
    LC_TRY(number(&p->strides, 1, 2, "strides", 1, 1, &w->stride_w));
    LC_TRY(number(&p->dilations, 0, 2, "dilations", 1, 1, &w->dilation_h));
    LC_TRY(number(&p->dilations, 1, 2, "dilations", 1, 1, &w->dilation_w));
    LC_TRY(number(&p->pads, 0, 4, "pads", 0, 0, &w->top));
    LC_TRY(number(&p->pads, 1, 4, "pads", 0, 0, &w->left));
    LC_TRY(number(&p->pads, 2, 4, "pads", 0, 0, &w->bottom));
    LC_TRY(number(&p->pads, 3, 4, "pads", 0, 0, &w->right));
    static const char *const known[] = {"", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    size_t word = 0;
    while (word < sizeof known / sizeof *known && strcmp(p->auto_pad, known[word]) != 0) {
        word++;
    }
    if (word == sizeof known / sizeof *known) {
        return lc_fail(LC_ERR_UNSUPPORTED, "auto_pad is '%s'", p->auto_pad);
    }
    bool ceil_mode = p->ceil_mode != 0;
    LC_TRY(resolve(height, w->kernel_h, w->stride_h, w->dilation_h, p->auto_pad, ceil_mode, &w->top, &w->bottom, &w->out_h));
    return resolve(width, w->kernel_w, w->stride_w, w->dilation_w, p->auto_pad, ceil_mode, &w->left, &w->right, &w->out_w);
}

lc_rows lc_window_rows(const lc_window *w)
{
    return (lc_rows){.stride = w->stride_h, .extent = (w->kernel_h - 1) * w->dilation_h + 1, .top = w->top};
}

void lc_window_band(lc_window *w, const lc_band *band)
{
    lc_rows rows = lc_window_rows(w);
    lc_band in = lc_rows_read(&rows, band, w->in_h);
    size_t begin = band->first * w->stride_h, end = in.first + in.count;
    w->top = begin < w->top ? w->top - begin : 0;
    w->bottom = end == w->in_h ? w->bottom : 0;
    w->in_h = in.count;
    w->out_h = band->count;
}
