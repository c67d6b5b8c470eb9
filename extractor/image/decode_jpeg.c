#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

#include "common/memory.h"
#include "extractor/image/decode.h"

/* A block of 64 pixels takes at least one bit: 512 pixels per byte, and as much again for odd sampling factors. */
enum { DENSEST = 1024 };

/* A progressive file may repeat its scans without end, each of them costing a pass over the picture. */
enum { MAX_SCANS = 500 };

typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
    lc_status status;
    uint8_t *row; /* (width, 4) of a CMYK picture */
} reader;

static _Noreturn void leave(j_common_ptr jpeg, lc_status status)
{
    reader *r = jpeg->client_data;
    r->status = status;
    r->errors.format_message(jpeg, r->message);
    longjmp(r->jump, 1);
}

static void on_error(j_common_ptr jpeg)
{
    switch (jpeg->err->msg_code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_SOF_UNSUPPORTED:
        leave(jpeg, LC_ERR_UNSUPPORTED);
    default:
        leave(jpeg, LC_ERR_FORMAT);
    }
}

/* Warnings are damage, and libjpeg would go on with invented pixels, except for these, which change no pixel. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0) {
        return;
    }
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_TOO_MUCH_DATA:
        return;
    default:
        leave(jpeg, LC_ERR_FORMAT);
    }
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > MAX_SCANS) {
        r->status = LC_ERR_FORMAT;
        snprintf(r->message, sizeof r->message, "more than %d scans", MAX_SCANS);
        longjmp(r->jump, 1);
    }
}

/* Inks to light as PIL does it (Pillow, Convert.c, cmyk2rgb), on Adobe's inverted values: 255 is no ink. */
static void cmyk_row(uint8_t *out, const uint8_t *in, size_t width)
{
    for (size_t x = 0; x < width; x++, in += 4, out += 3) {
        for (int c = 0; c < 3; c++) {
            int t = (255 - in[c]) * in[3] + 128;
            out[c] = (uint8_t)(in[3] - ((t + (t >> 8)) >> 8)); /* t / 255, rounded */
        }
    }
}

/* Everything that libjpeg may leave by longjmp; *r and *out outlive it. */
static lc_status run(reader *r, lc_image *out, const uint8_t *bytes, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->jump)) {
        return lc_fail(r->status, "JPEG: %s", r->message);
    }
    jpeg_create_decompress(jpeg);
    jpeg->client_data = r;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, bytes, size);
    jpeg_read_header(jpeg, TRUE);
    LC_TRY(lc_image_judge(jpeg->image_width, jpeg->image_height, size, DENSEST));
    bool cmyk = jpeg->num_components == 4;
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    /* PIL's pixels are libjpeg's defaults; said here because they are a promise. */
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(jpeg);
    LC_TRY(lc_image_new(out, jpeg->output_width, jpeg->output_height));
    if (cmyk) {
        LC_TRY(lc_alloc_raw(&r->row, out->width, 4));
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *pixels = out->pixels + (size_t)jpeg->output_scanline * out->width * 3;
        JSAMPROW row = cmyk ? r->row : pixels;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (cmyk) {
            cmyk_row(pixels, row, out->width);
        }
    }
    return LC_OK;
}

lc_status lc_decode_jpeg(lc_image *out, const uint8_t *bytes, size_t size)
{
    reader r = {0};
    *out = (lc_image){0};
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r; /* also before jpeg_create_decompress, which keeps it */
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    r.errors.output_message = on_output;
    r.progress.progress_monitor = on_progress;
    lc_status status = run(&r, out, bytes, size);
    jpeg_destroy_decompress(&r.jpeg);
    free(r.row);
    if (status != LC_OK) {
        lc_image_free(out);
    }
    return status;
}
