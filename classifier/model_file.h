/*
 * The classifier file: HDF5, format_version 2.
 *
 *   /                attributes: format="layercut-classifier", format_version=2, tool_version, created_utc, command,
 *                    classifier, kernel, norm, probability, recipe (JSON), model_name, model_sha256, model_path, train_rows, seed
 *   /classes         (K) UTF-8      order of labels and scores
 *   /layers/names /layers/pools (L) UTF-8, /layers/dims (L) int64: the features, side by side
 *   /parameters/<p>  (1) float64    each hyperparameter that the kernel has
 *   /class_values    (K) float64    only where rows had several labels: the first hyperparameter as each class was fitted with; a row
 *                                   has every class whose score is above 0
 *   /cv_accuracy     (1) float64    NaN when there was no search
 *   /transform/<i>_...           what step i of norm has learned: shift, scale (D) float64; matrix, landmarks float32
 *   /calibration     (2) float64    a and b of calibrate.h, where there are probabilities
 *   /attachment/bytes (n) uint8  what is carried along, in a bundle the network; attributes name, sha256 of the group
 *   /folds           (R,N) int32    which fold of each repeat held a training row out, where there was a search
 *   /model/...       the classifier's own named arrays; of "svm" and "nusvm":
 *       labels (P) int32, support_counts (P) int32       the P classes that had rows, and their support vectors
 *       support_vectors (S,D) float32                    transformed rows, class by class
 *       coefficients (P-1,S) float64, rho (P(P-1)/2) float64, centre (D) float64; one-vs-rest: (P,S), (P)
 *       decision = sum coefficient K(s, x) - rho; linear: K = <s - centre, x - centre>
 *     of linear machines (linear, logreg, ridge, lda, centroid):
 *       labels (P) int32, weights (P,D) float32, bias (P) float64
 *     of "knn":  rows (N,D) float32, row_labels (N) int32
 *
 * The same training gives the same bytes, but for created_utc, which follows SOURCE_DATE_EPOCH when that is set.
 */
#ifndef LC_CLASSIFIER_MODEL_FILE_H
#define LC_CLASSIFIER_MODEL_FILE_H

#include "classifier/classifier.h"

#define LC_CLASSIFIER_FORMAT "layercut-classifier"
enum { LC_CLASSIFIER_FORMAT_VERSION = 2 };

#endif
