/*
 * How the learning rate goes over a run. t is the part of the run that is done, behind the warm-up.
 */
#include <math.h>
#include <string.h>

#include "extractor/train/train.h"

static const double pi = 3.14159265358979323846;

static double constant(double t)
{
    (void)t;
    return 1;
}

/* A tenth behind a half, a hundredth behind three quarters (He et al., arXiv:1512.03385, section 4.2). */
static double step(double t)
{
    return t < 0.5 ? 1 : t < 0.75 ? 0.1 : 0.01;
}

/* Loshchilov and Hutter, arXiv:1608.03983, equation 5, down to 0. */
static double cosine(double t)
{
    return 0.5 * (1 + cos(pi * t));
}

/* Smith and Topin, arXiv:1708.07120, with cosines as in torch.optim.lr_scheduler.OneCycleLR and its numbers: from 1/25 up to the rate
 * over three tenths of the run, then down to 1/250000. The momentum stays as it is. */
static double onecycle(double t)
{
    const double rise = 0.3, begin = 1.0 / 25, end = begin / 1e4;
    if (t < rise) {
        return begin + (1 - begin) * 0.5 * (1 - cos(pi * t / rise));
    }
    return end + (1 - end) * 0.5 * (1 + cos(pi * (t - rise) / (1 - rise)));
}

const lc_schedule lc_schedules[] = {
    {"constant", "the same all the time", false, constant},
    {"step", "a tenth from the half on, a hundredth from three quarters on", false, step},
    {"cosine", "half a cosine down to 0", false, cosine},
    {"onecycle", "up from 1/25 over three tenths, then down to nearly 0", true, onecycle},
    {NULL, NULL, false, NULL},
};

lc_status lc_schedule_find(const char *name, const lc_schedule **out)
{
    for (size_t i = 0; lc_schedules[i].name; i++) {
        if (strcmp(lc_schedules[i].name, name) == 0) {
            *out = &lc_schedules[i];
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_NOTFOUND, "no schedule is called '%s'; there are constant, step, cosine and onecycle", name);
}

double lc_schedule_factor(const lc_schedule *s, uint64_t at, uint64_t steps, uint64_t warmup)
{
    warmup = s->warms ? 0 : warmup;
    if (at < warmup) {
        return (double)(at + 1) / (double)(warmup + 1);
    }
    return s->factor(steps > warmup ? (double)(at - warmup) / (double)(steps - warmup) : 0);
}
