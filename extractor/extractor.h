/*
 * The extractor's door: pictures -> activations of a frozen network.
 *
 *   lc_network *net;
 *   lc_network_open(&net, "resnet18.onnx");                  a file, or a known name such as "embedded"
 *   lc_network_tap(net, i)                                   every place where it can be cut
 *   lc_extract(net, manifest, &options, &report);            pictures -> a features file
 *   lc_features_compute(net, manifest, &options, &f);        the same into memory
 *   lc_network_free(net);
 *
 * A tap is a named value of the graph. Its activation is (C,H,W); `pool` makes a row of D numbers of it.
 */
#ifndef LC_EXTRACTOR_H
#define LC_EXTRACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/feature_store.h"
#include "common/json.h"
#include "common/manifest.h"

/* Networks --------------------------------------------------------------------------------------------------- */

typedef struct lc_network lc_network;

/* Reads the file or finds the known name (built in, or in $LAYERCUT_HOME, default ~/.cache/layercut). *out is the caller's. */
LC_CHECKED lc_status lc_network_open(lc_network **out, const char *model);

/* The same, a state dict taken for the architecture `arch` ("resnet18"); NULL: recognised by its tensors. */
LC_CHECKED lc_status lc_network_open_as(lc_network **out, const char *model, const char *arch);

/* The bytes of a network file, which was called `name`. They are copied. */
LC_CHECKED lc_status lc_network_open_bytes(lc_network **out, const char *name, const void *bytes, size_t size);

/*
 * A network of the architecture `arch` for `classes` outputs, with weights as training begins with them, drawn by `seed`:
 * convolutions normal with variance 2 / fan-out (He et al., arXiv:1502.01852, as torchvision draws them), biases 0, normalisations as
 * they begin, linear layers and their biases uniform within +- 1 / sqrt(fan-in), as PyTorch draws them. LC_ERR_NOTFOUND:
 * there is no such architecture.
 */
LC_CHECKED lc_status lc_network_new(lc_network **out, const char *arch, size_t classes, uint64_t seed);

/* Is there an architecture of that name? */
bool lc_architecture_known(const char *arch);
void lc_network_free(lc_network *network);

/*
 * The same architecture with weights that nobody trained, drawn by `seed`: a floor to hold the network against (Yosinski
 * et al., NIPS 2014). Layers are normal with variance 2 / fan-in (He et al., arXiv:1502.01852), biases 0, normalisations as
 * they begin. Its sha256, name and note say so. LC_ERR_UNSUPPORTED where the network has no layer with weights.
 */
LC_CHECKED lc_status lc_network_randomise(lc_network *network, uint64_t seed);

typedef struct {
    const char *name;            /* what the user calls it: "mobilenet_v2", from the file's name */
    const char *path;            /* as given to lc_network_open */
    const char *format;          /* "onnx", "embedded", "safetensors", ... */
    const char *architecture;    /* of a state dict: "resnet18"; NULL where the file has the graph itself */
    const char *weights;         /* "IMAGENET1K_V1": published weights with preprocessing of their own; else NULL */
    const char *sha256;          /* of the file's bytes, hexadecimal */
    const char *source_sha256;   /* of the network whose activations this one has (lc_network_write); NULL: it does not say */
    const char *layers;          /* taps that it was cut at, comma-separated; NULL: it is whole */
    const char *note;            /* a sentence a user must know, or NULL: "random filters, ..." */
    size_t input[3];             /* C,H,W */
    size_t tap_count;
    uint64_t parameters, macs;   /* of the whole network; multiply-adds per picture */
    size_t classes;              /* outputs that the file names, or 0 */
    const char *const *class_names;
} lc_network_info;

const lc_network_info *lc_network_describe(const lc_network *network);

enum { LC_TAP_MAX_ALIASES = 6 };

typedef struct {
    const char *name;
    const char *aliases[LC_TAP_MAX_ALIASES]; /* other names it answers to; NULL after the last */
    const char *op;
    size_t shape[3];             /* C,H,W; vectors are C,1,1 */
    size_t flat, pooled;         /* numbers per picture: C*H*W, and C (maps average-pooled) */
    uint64_t parameters, macs;   /* of everything needed up to and including this tap */
} lc_tap;

const lc_tap *lc_network_tap(const lc_network *network, size_t i);

/*
 * Taps that a selector names: a comma-separated list of names or aliases ("layer3.0.relu", "penultimate", "logits"),
 * globs ("layer3.*"), kinds ("@block", "@conv", "@relu"), numbers ("#12"), "all". An unknown name is LC_ERR_NOTFOUND with the
 * three nearest. Ascending and unique; *taps is the caller's, free().
 */
LC_CHECKED lc_status lc_network_select(const lc_network *network, const char *selector, size_t **taps, size_t *count);

/* How pictures become input -------------------------------------------------------------------------------------- */

/* One changed word of the preprocessing: key as timm names it, value as the user typed it.
 * Keys: input ("224" or "3x224x224"), resize ("256"), crop_pct ("0.875"), crop_mode ("center|squash"),
 * interpolation ("bilinear|bicubic|nearest"), mean, std ("0.485,0.456,0.406"; "128/255"; one value serves all
 * channels), exif ("1"). */
typedef struct {
    const char *key, *value;
} lc_setting;

/* Writing networks ------------------------------------------------------------------------------------------------ */

/*
 * A network as a file: the whole of it, or up to some taps. What is written are the weights that it has now, which need
 * not be those it was read with (lc_network_randomise, fine-tuning).
 *
 * In the file stands, as strings beside the weights (metadata_props of ONNX, __metadata__ of safetensors):
 *   layercut        "1": what follows is meant so
 *   preprocessing   JSON, the words of the recipe (common/recipe.h) but network and precision
 *   source_sha256   hash of the network it was made from, whose activations it has; or, of one that was trained further,
 *   tuned_from      the same
 *   layers          where it was cut, comma-separated, the deepest first; what `extract` takes from it unless told otherwise
 *   architecture    of safetensors: what to build (arch_list.inc)
 *   classes         a JSON array of the outputs' names, where they are known
 * and what the source's file said beside these. A network that is opened from such a file follows it.
 */
typedef struct {
    const char *layers;          /* selector: the taps that become the outputs; NULL: the whole network */
    const lc_setting *settings;  /* overrides of its preprocessing */
    size_t setting_count;
    const char *recipe;          /* instead of settings: preprocessing exactly as in this recipe */
    const char *const *class_names; /* (classes) of the outputs; NULL: what the network says, if it is whole */
    size_t classes;
    bool tuned;                  /* the weights are not those of its file any more */
    const lc_json *metadata;     /* an object of more strings for the file; NULL: none */
} lc_write_options;

#define LC_WRITE_OPTIONS_INIT {0}

/*
 * Writes to `path`, which appears complete or not at all, in the format of its ending:
 *   .onnx         a network from ONNX: the file's own graph, without what the taps do not need; another: exported,
 *                 opset 17, maps as (N,C,H,W)
 *   .safetensors  of architectures that are known (LC_ERR_UNSUPPORTED for others): the tensors under torchvision's names
 * Another ending is LC_ERR_ARG; a tap that is not there LC_ERR_NOTFOUND. The network is given the preprocessing's input size.
 */
LC_CHECKED lc_status lc_network_write(lc_network *network, const char *path, const lc_write_options *options);

/* Extraction --------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *layers;          /* selector; NULL: where the network was cut, of whole ones "penultimate" */
    const char *pool;            /* "avg" "max" "avgmax" "grid:K" "flat"; NULL: "avg" */
    const lc_setting *settings;  /* overrides of the preprocessing */
    size_t setting_count;
    const char *recipe;          /* instead of settings: preprocessing exactly as in this recipe; NULL: the network's */
    size_t threads;              /* 0: the CPUs this process may use */
    size_t batch;                /* pictures per forward pass of a thread; 0: a good default */
    const char *precision;       /* "f32" "f32-exact" (sums of products as they stand: no Winograd) "bf16" (factors of
                                    linear layers and of convolutions of one pixel rounded to bfloat16); NULL: "f32" */
    bool half;                   /* features as float16 */
    bool pack;                   /* compress the file once it is complete */
    double flush_seconds;        /* finished rows wait at most so long for the disk; 0: 5 */
    bool refresh;                /* bring an existing file up to date, see lc_extract */
} lc_extract_options;

#define LC_EXTRACT_OPTIONS_INIT {0}

/*
 * The base recipe (common/recipe.h) that these options give. *out is the caller's, free(). Another input size than the
 * network's own changes the shapes of its taps.
 */
LC_CHECKED lc_status lc_extract_recipe(lc_network *network, const lc_extract_options *options, char **out);

/* What an extraction will come to, known before it begins. */
typedef struct {
    size_t layers;
    lc_store_layer *layer;       /* (layers), `id` NULL; `name` is what the layer will be stored under */
    uint64_t bytes;              /* of all values */
} lc_extract_plan;

/* What it costs, from running it for a moment. */
typedef struct {
    size_t pictures;             /* that were measured */
    double seconds;              /* of the whole, at that speed */
    uint64_t memory;             /* bytes, at most, of this process */
} lc_extract_cost;

/* Also says everything that is wrong with the options. */
LC_CHECKED lc_status lc_extract_plan_new(lc_network *network, const lc_manifest *manifest, const lc_extract_options *options,
                                         lc_extract_plan *out);
void lc_extract_plan_free(lc_extract_plan *plan);

/*
 * Computes pictures from all over the manifest for about `seconds` and throws the features away. None of them readable:
 * LC_ERR_FORMAT with the last reason.
 */
LC_CHECKED lc_status lc_extract_measure(lc_network *network, const lc_manifest *manifest, const lc_extract_options *options,
                                        double seconds, lc_extract_cost *out);

/*
 * LC_ERR_IO, with both numbers, when the disk of `path` has not the room for `bytes` of features; what a file of that
 * name takes already counts as room. *room: what there is, UINT64_MAX where nobody knows.
 */
LC_CHECKED lc_status lc_extract_check_room(const char *path, uint64_t bytes, uint64_t *room);

typedef struct {
    size_t rows;                 /* in the manifest */
    size_t computed;             /* in this run */
    size_t kept;                 /* were there already (resumed) */
    size_t failed;               /* have a reason in their row */
    double seconds;
    double decode_seconds, forward_seconds; /* summed over threads */
    double write_seconds;        /* of the one thread that writes */
    uint64_t bytes, packed_bytes; /* of the file before and after it was compressed; 0: it was not */
} lc_extract_report;

/*
 * Extracts into the store at `path`: continues it when it is an unfinished store of the same job, refuses
 * (LC_ERR_STALE) when it is another's. A picture that fails costs its row only. `command` is kept in the file.
 *
 * `refresh`: an existing store is brought up to date. Rows of pictures that it has, wherever they lie and whatever they
 * are called now (SHA-256), are kept, others are computed; `layers` that it lacks are added beside those it has. The file
 * is replaced by one that has the kept rows, then completed; layers are computed into <path>.layers first. So every
 * moment leaves a file that opens, and the same call goes on. Another network, preprocessing, pooling or type of
 * numbers is LC_ERR_STALE.
 */
LC_CHECKED lc_status lc_extract(lc_network *network, const lc_manifest *manifest, const lc_extract_options *options,
                                const char *path, const char *command, lc_extract_report *report);

/* Checking what was extracted ------------------------------------------------------------------------------------ */

typedef struct {
    const char *model, *arch;    /* the network; NULL: where the file says it was, recognised by its tensors */
    const char *root;            /* where the pictures are now; NULL: where the file says */
    size_t sample;               /* rows to compute again; 0: none, no network is needed */
    uint64_t seed;               /* of the sample */
    bool without_pictures;       /* do not read the pictures; then sample must be 0 */
    size_t threads;
} lc_verify_options;

typedef struct {
    size_t rows, ok, failed, pending;
    size_t unreadable, changed;  /* pictures of good rows that are gone, or have another hash */
    size_t damaged;              /* layers with a number that is not finite in a good row, failed rows without a reason, links */
    size_t sampled;              /* rows that were computed again */
    size_t equal, close;         /* of these: bit for bit; to 1e-5 of the row's largest value, as on another type of CPU */
    double worst;                /* largest difference of any row in parts of the row's largest value */
    size_t problems;             /* all but `close` */
} lc_verify_report;

/*
 * Checks the file at `path`: structure, completeness, links, every number finite, every picture's hash, and a random
 * sample of rows computed anew. Each problem (of a kind, the first 20) is a warning in the log; a file that does not
 * open, or another network than it was made with, is LC_ERR_STALE.
 */
LC_CHECKED lc_status lc_verify(const char *path, const lc_verify_options *options, lc_verify_report *report);

/* Features in memory: for predict, and for judging a network's own output. */
typedef struct {
    size_t rows, layers;
    lc_store_layer *layer;       /* (layers) */
    float **values;              /* values[l] (rows, layer[l].dim) */
    lc_store_row *row;           /* (rows) what became of each picture */
    lc_extract_report report;
} lc_features;

LC_CHECKED lc_status lc_features_compute(lc_network *network, const lc_manifest *manifest, const lc_extract_options *options,
                                         lc_features *out);
void lc_features_free(lc_features *features);

/* Fine-tuning -------------------------------------------------------------------------------------------------- */

/* One epoch of training. */
typedef struct {
    size_t epoch;                /* from 1 */
    double loss, penalty;        /* means over pictures: cross-entropy; what a regulariser added to it */
    double accuracy;             /* of the pictures as they were trained on, 0..1 */
    double rate;                 /* learning rate of its last step */
    double seconds;
    size_t pictures;
    double val_loss, val_accuracy; /* NAN: no pictures of split val */
} lc_finetune_epoch;

typedef struct {
    const char *mode;            /* "head", "from:LAYER" (a tap or module: it and all behind it), "full", "scratch" (weights begun anew), "none" (a
                                    new head, no training: the floor) */
    const char *begin;           /* a tap or module: weights from it on are drawn anew before training; "all"; NULL: only a new head's */
    size_t epochs, batch;
    const char *optimizer;       /* "sgd" or "adamw"; NULL: "sgd" */
    double rate;                 /* learning rate; 0: the optimiser's default */
    double backbone_factor;      /* of the learning rate below the last layer */
    double decay;                /* weight decay; negative: the optimiser's default */
    bool no_decay_norms;         /* none on biases and normalisations */
    double momentum;             /* of sgd */
    bool nesterov;
    const char *schedule;        /* "constant", "step", "cosine", "onecycle" */
    double warmup;               /* epochs in which the learning rate rises */
    double smoothing;            /* of labels, 0..1 */
    bool balance;                /* classes weigh in the loss as if all had as many pictures */
    const char *augment;         /* "none", "light", "strong", or single words, see extractor/train/augment.h */
    const char *bn;              /* "train": batch statistics, running ones follow; "frozen": the running ones */
    bool checkpointing;          /* compute most activations again in the backward pass in place of keeping them: the same result, with less
                                    memory, in more time */
    const char *regularizer;     /* "l2sp", "l2sp:0.1", several parted by commas, see extractor/train/regularizer.h; NULL: none */
    const lc_manifest *source;   /* pictures that the network was trained on, for regulariser ewc; NULL: not at hand */
    double clip;                 /* largest norm of all gradients; 0: any; negative: 1 for a network without normalisations, else any */
    double average;              /* decay of a moving average of the weights, which becomes the result; 0: none */
    size_t patience;             /* epochs without a better accuracy on val before it stops; 0: no such end */
    const lc_setting *settings;  /* of the preprocessing */
    size_t setting_count;
    size_t threads;
    uint64_t seed;
    const char *checkpoint;      /* file; NULL: none */
    bool resume;                 /* from the checkpoint, if there is one */
    /* After every epoch: all so far, the last one is new. NULL: nobody asks. */
    lc_status (*epoch_done)(void *context, const lc_finetune_epoch *epochs, size_t count);
    void *context;
} lc_finetune_options;

#define LC_FINETUNE_OPTIONS_INIT                                                                                           \
    {                                                                                                                      \
        .mode = "full", .epochs = 10, .batch = 32, .optimizer = "sgd", .backbone_factor = 1, .decay = -1, .momentum = 0.9, \
        .schedule = "cosine", .augment = "light", .bn = "train", .clip = -1                                                 \
    }

typedef struct {
    size_t pictures, failed;     /* of training: used, unreadable */
    size_t classes;
    size_t epochs, best;         /* done; whose weights these are */
    uint64_t steps, seen;        /* of the optimiser; pictures */
    uint64_t trained_parameters;
    double seconds;              /* of all epochs, those before a resumption too */
    uint64_t bytes;              /* of activations kept, gradients and the optimiser */
} lc_finetune_report;

/*
 * Trains the network on the labelled pictures of split train (without splits: all), its last layer replaced by one for their
 * classes unless it names the same classes. The result is in the network. LC_ERR_INTERRUPTED: the checkpoint has what
 * was done. LC_ERR_DIVERGED: the loss or a weight is not finite; the report is of what was done. The same numbers for any threads, resumed or not.
 */
LC_CHECKED lc_status lc_finetune(lc_network *network, const lc_manifest *manifest, const lc_finetune_options *options,
                                 lc_finetune_report *report);

/* LC_ERR_ARG: not one of lc_finetune_options.mode. Whether there is such a layer, lc_finetune says. */
LC_CHECKED lc_status lc_finetune_check_mode(const char *mode);

/* May the network be written to `path` once it is trained? LC_ERR_UNSUPPORTED says why not. */
LC_CHECKED lc_status lc_network_can_save(const lc_network *network, const char *path);

/* lc_network_write of a network that was tuned: with its classes and preprocessing, and `command` as "made_by". */
LC_CHECKED lc_status lc_network_save(lc_network *network, const char *path, const char *command);

/* Speed -------------------------------------------------------------------------------------------------------- */

/* A network made ready to run random pictures again and again. */
typedef struct lc_bench lc_bench;

typedef struct {
    size_t batch;   /* pictures of a pass; 0: 1 */
    size_t threads; /* 0: the CPUs this process may use */
    const char *precision; /* see lc_extract_options */
    bool profile;   /* measure the steps too */
    uint64_t seed;  /* of the pictures */
} lc_bench_options;

#define LC_BENCH_OPTIONS_INIT {0}

/* Up to the network's output. *out is the caller's; the network must outlive it and keep its input size. */
LC_CHECKED lc_status lc_bench_new(lc_bench **out, lc_network *network, const lc_bench_options *options);
void lc_bench_free(lc_bench *bench);

/* One pass: the whole batch through the network. */
LC_CHECKED lc_status lc_bench_run(lc_bench *bench, double *seconds);

/*
 * Multiply-adds per second that registers alone allow on the kernels in use, on the bench's threads at once: a loop of
 * about ten milliseconds. Twice this is the peak in floating-point operations.
 */
LC_CHECKED lc_status lc_bench_peak(lc_bench *bench, double *rate);

/* One step of a pass: an operator and all that was folded into it. */
typedef struct {
    const char *name;    /* of the tap whose value it makes; of one that the program put in itself, its operator's */
    const char *kind;    /* "conv 3x3/2": operator, kernel and stride */
    size_t shape[3];     /* C,H,W of what it makes */
    uint64_t macs;       /* per picture */
    double seconds;      /* of the last pass of a profile, for the whole batch; mean of threads that work side by side */
} lc_bench_step;

size_t lc_bench_steps(const lc_bench *bench);
/* Valid until the next pass. */
const lc_bench_step *lc_bench_step_at(const lc_bench *bench, size_t i);

/* Seconds of the last pass of a profile, for the whole batch, up to and including the step that makes tap i. */
double lc_bench_until(const lc_bench *bench, size_t tap);

/* Bytes that a pass stands on. */
typedef struct {
    uint64_t weights; /* of the network as it was read */
    uint64_t packed;  /* made of them for the kernels; what the heap grew by meanwhile */
    uint64_t arena;   /* activations of one batch and scratch, of all threads together */
} lc_bench_bytes;

lc_bench_bytes lc_bench_memory(const lc_bench *bench);

/* Picture sets of others --------------------------------------------------------------------------------------- */

typedef struct {
    const char *classes;  /* file of names, one per line, in the order of the labels; NULL: the set's own, else numbers */
    const char *split;    /* "train" "val" "test" "none" for all; NULL: by the names of the files */
    const char *pictures; /* of lists: the folder that paths begin in; NULL: each list's own */
    size_t per_class;     /* at most so many of each class and split, the first; 0: all */
} lc_import_options;

#define LC_IMPORT_OPTIONS_INIT {0}

typedef struct {
    const char *format; /* "idx", "CIFAR-10", "CIFAR-100", "list" */
    size_t pictures[LC_SPLIT_COUNT], classes;
    size_t width, height; /* of every picture; 0: a list */
    size_t missing;       /* pictures of a list that cannot be read where it says */
} lc_import_report;

/*
 * A folder of idx files (MNIST and its like, also .gz) or CIFAR's binary files becomes the new folder `output`,
 * split/class/picture; lists of "path label" lines, or of the ILSVRC development kit's labels, become the list `output`
 * (.csv). Readers and layouts are in import.h. LC_ERR_FORMAT names the file and what is wrong with it.
 */
LC_CHECKED lc_status lc_import(const char *const *sources, size_t count, const char *output, const lc_import_options *options,
                               lc_import_report *report);

/* Versions of the libraries and the kernels in use, one line each, for --version. */
size_t lc_extractor_versions(const char *lines[], size_t capacity);

#endif
