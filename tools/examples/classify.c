/*
 * classify F.h5: trains an SVM on split train of a features file, its C by cross-validation, keeps it as svm.h5, and judges it
 * on split test (else val): a line per row with its picture, the class predicted, and the true one; then the accuracy.
 */
#include <layercut/classifier.h>
#include <stdio.h>
#include <stdlib.h>

static void check(lc_status status)
{
    if (status != LC_OK) {
        fprintf(stderr, "classify: %s\n", lc_error_message());
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "classify: wants F.h5\n");
        return 2;
    }
    lc_dataset *train, *test;
    check(lc_dataset_read(&train, argv[1], NULL, 0, LC_ROWS_TRAIN)); /* NULL: the deepest layer */
    check(lc_dataset_read(&test, argv[1], NULL, 0, LC_ROWS_JUDGE));

    const lc_hyper grid = {"log2c", "-5,15,2"};
    const lc_train_options options = {.hyper = &grid, .hyper_count = 1};
    lc_classifier *svm;
    lc_train_report report;
    check(lc_classifier_train(&svm, train, &options, &report));
    check(lc_classifier_save(svm, "svm.h5", "classify"));

    int32_t *predicted = malloc(test->rows * sizeof *predicted);
    if (!predicted) {
        return 1;
    }
    check(lc_classifier_match(svm, test)); /* the same network, layer and classes? */
    check(lc_classifier_scores(svm, test->x, test->rows, test->dim, predicted, NULL, NULL));
    for (size_t i = 0; i < test->rows; i++) {
        printf("%s\t%s\t%s\n", test->paths[i], test->class_names[predicted[i]], test->class_names[test->labels[i]]);
    }
    lc_metrics *metrics;
    check(lc_metrics_compute(&metrics, test->rows, test->classes, (const char *const *)test->class_names, test->labels, predicted,
                             NULL, false));
    printf("accuracy %.4f\n", lc_metrics_describe(metrics)->accuracy);

    lc_metrics_free(metrics);
    free(predicted);
    lc_train_report_free(&report);
    lc_classifier_free(svm);
    lc_dataset_free(test);
    lc_dataset_free(train);
    return 0;
}
