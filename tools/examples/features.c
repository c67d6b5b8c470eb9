/* features MODEL PICTURE: what a network sees in a picture, as the numbers of its penultimate layer, one a line. */
#include <layercut/extractor.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    lc_network *network = NULL;
    lc_manifest *picture = NULL;
    lc_features features = {0};
    lc_extract_options options = LC_EXTRACT_OPTIONS_INIT; /* options.layers = "layer1.0,layer2.0" gives two layers */
    if (argc != 3 || lc_network_open(&network, argv[1]) != LC_OK || lc_manifest_read(&picture, argv[2]) != LC_OK ||
        lc_features_compute(network, picture, &options, &features) != LC_OK) {
        fprintf(stderr, "features: %s\n", argc != 3 ? "wants MODEL PICTURE" : lc_error_message());
        return 1;
    }
    if (features.row[0].status != LC_ROW_OK) { /* a picture that fails costs its own row */
        fprintf(stderr, "features: %s: %s\n", argv[2], features.row[0].error);
        return 1;
    }
    for (size_t i = 0; i < features.layer[0].dim; i++) {
        printf("%.9g\n", features.values[0][i]);
    }
    lc_features_free(&features);
    lc_manifest_free(picture);
    lc_network_free(network);
    return 0;
}
