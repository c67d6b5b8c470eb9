/*
 * Softmax and cross-entropy. With p = softmax(z) and target shares t (smoothed: t <- (1 - e) t + e / K), class weights c:
 *
 *   loss = -sum_k c_k t_k log p_k / norm       d loss / d z_k = (p_k sum_j c_j t_j - c_k t_k) / norm
 *
 * norm: the sum of the labels' class weights over the batch, or the number of pictures where there are shares.
 */
#include <math.h>

#include "extractor/train/train.h"

static double weight_of(const lc_loss_options *o, size_t k)
{
    return o->weights ? (double)o->weights[k] : 1;
}

/* Of one picture: the loss before division, and the gradient into d. */
static double one_loss(const lc_loss_options *o, const float *z, int32_t label, const float *shares, double norm, float *d)
{
    size_t k_all = o->classes;
    double most = -INFINITY, sum = 0, loss = 0, weighted = 0, even = o->smoothing / (double)k_all;
    for (size_t k = 0; k < k_all; k++) {
        most = (double)z[k] > most ? (double)z[k] : most;
    }
    for (size_t k = 0; k < k_all; k++) {
        sum += exp((double)z[k] - most);
    }
    double log_sum = most + log(sum);
    for (size_t k = 0; k < k_all; k++) {
        double share = shares ? (double)shares[k] : (double)((size_t)label == k);
        double t = weight_of(o, k) * ((1 - o->smoothing) * share + even);
        loss += t * (log_sum - (double)z[k]);
        weighted += t;
        d[k] = (float)t;
    }
    for (size_t k = 0; k < k_all; k++) {
        d[k] = (float)((exp((double)z[k] - log_sum) * weighted - (double)d[k]) / norm);
    }
    return loss;
}

static size_t largest(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        best = v[k] > v[best] ? k : best;
    }
    return best;
}

void lc_loss(const lc_loss_options *o, size_t n, const float *logits, const int32_t *labels, const float *targets, float *gradient,
             lc_loss_result *result)
{
    double norm = 0, loss = 0;
    size_t correct = 0;
    for (size_t i = 0; i < n; i++) {
        norm += targets ? 1 : weight_of(o, (size_t)labels[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const float *z = logits + i * o->classes, *shares = targets ? targets + i * o->classes : NULL;
        loss += one_loss(o, z, labels[i], shares, norm, gradient + i * o->classes);
        correct += largest(z, o->classes) == (shares ? largest(shares, o->classes) : (size_t)labels[i]);
    }
    *result = (lc_loss_result){loss / norm, correct};
}
