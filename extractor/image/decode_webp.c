#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "extractor/image/decode.h"

/*
 * A lossless picture of one colour takes no bits per pixel at all, so no density is impossible; beyond this one nobody
 * needs the picture, and a few bytes would take a gigabyte.
 */
enum { DENSEST = 1 << 20 };

/* Decodes a frame into its place on the canvas, whose rows are 3 * out->width bytes. */
static lc_status decode_frame(lc_image *out, const WebPIterator *frame)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "WebP: another version of libwebp than this program was built with");
    }
    size_t x = (size_t)frame->x_offset, y = (size_t)frame->y_offset;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->pixels + (y * out->width + x) * 3;
    config.output.u.RGBA.stride = (int)out->width * 3;
    config.output.u.RGBA.size = ((out->height - y) * out->width - x) * 3;
    VP8StatusCode code = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    switch (code) {
    case VP8_STATUS_OK:
        return LC_OK;
    case VP8_STATUS_OUT_OF_MEMORY:
        return lc_fail(LC_ERR_NOMEM, "WebP: no memory for %zu x %zu pixels", out->width, out->height);
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return lc_fail(LC_ERR_FORMAT, "WebP: the file is truncated");
    default:
        return lc_fail(LC_ERR_FORMAT, "WebP: damaged");
    }
}

/* The first frame, on a canvas that is black elsewhere: what PIL shows of an animation. */
lc_status lc_decode_webp(lc_image *out, const uint8_t *bytes, size_t size)
{
    const WebPData data = {bytes, size};
    WebPDemuxState state;
    WebPIterator frame = {0};
    *out = (lc_image){0};
    WebPDemuxer *file = WebPDemuxPartial(&data, &state);
    if (!file || state != WEBP_DEMUX_DONE) {
        WebPDemuxDelete(file);
        return lc_fail(LC_ERR_FORMAT, "WebP: %s", state == WEBP_DEMUX_PARSE_ERROR ? "damaged" : "the file is truncated");
    }
    size_t width = WebPDemuxGetI(file, WEBP_FF_CANVAS_WIDTH), height = WebPDemuxGetI(file, WEBP_FF_CANVAS_HEIGHT);
    lc_status status = lc_image_judge(width, height, size, DENSEST);
    if (status == LC_OK && !WebPDemuxGetFrame(file, 1, &frame)) {
        status = lc_fail(LC_ERR_FORMAT, "WebP: no picture in the file");
    }
    if (status == LC_OK && ((size_t)(frame.x_offset + frame.width) > width || (size_t)(frame.y_offset + frame.height) > height)) {
        status = lc_fail(LC_ERR_FORMAT, "WebP: the picture lies outside of its canvas");
    }
    if (status == LC_OK) {
        status = lc_image_new(out, width, height);
    }
    if (status == LC_OK) {
        if ((size_t)frame.width != width || (size_t)frame.height != height) {
            memset(out->pixels, 0, width * height * 3);
        }
        status = decode_frame(out, &frame);
    }
    WebPDemuxReleaseIterator(&frame);
    WebPDemuxDelete(file);
    if (status != LC_OK) {
        lc_image_free(out);
    }
    return status;
}
