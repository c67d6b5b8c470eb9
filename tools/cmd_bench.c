/* bench [MODEL...]: speed of networks on this machine, against its multiply-add peak; the profile of their layers. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/threads.h"
#include "common/usage.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/table.h"

extern char **environ;

enum { DEFAULT_REPEAT = 5, MAX_REPEAT = 10000, MAX_PASSES = 10000, SLACK = 64000000 };
/* Of one repetition, and of one turn: shorter passes are repeated within it. */
static const double MIN_SECONDS = 0.02, MIN_TURN_SECONDS = 0.3;

typedef struct {
    const char *batch, *threads, *precision, *arch;
    size_t repeat;
    bool layers, once, turns, exact;
} bench_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(bench_arguments, batch, LC_CLI_STRING, "batch", 'b', "LIST",
                   "pictures of a pass (default: 1,16; with --layers, --once, --turns 16)")},
    {LC_CLI_OPTION(bench_arguments, threads, LC_CLI_STRING, "threads", 0, "LIST",
                   "numbers of threads (default: 1 and all CPUs this process may use; with those all)")},
    {LC_CLI_OPTION(bench_arguments, repeat, LC_CLI_SIZE, "repeat", 'r', "N",
                   "repetitions, of which the median counts (default: 5)")},
    {LC_CLI_OPTION(bench_arguments, layers, LC_CLI_FLAG, "layers", 'l', NULL,
                   "the profile: time of every layer and of every kind of layer")},
    {LC_CLI_OPTION(bench_arguments, once, LC_CLI_FLAG, "once", 0, NULL,
                   "one pass in a fresh process: its seconds and the peak of memory; bench runs itself so for its last "
                   "columns")},
    {LC_CLI_OPTION(bench_arguments, turns, LC_CLI_FLAG, "turns", 0, NULL,
                   "for scripts in which programs take turns: reads batch sizes, one a line, from standard input and "
                   "answers each with the milliseconds per picture of a third of a second")},
    LC_PRECISION_OPTIONS(bench_arguments, precision, exact),
    LC_ARCH_OPTION(bench_arguments, arch),
    {0},
};

/* Arguments ------------------------------------------------------------------------------------------------------- */

/* What is measured of each network. */
typedef struct {
    const bench_arguments *given;
    lc_sizes batch, threads;
    size_t repeat;
} setup;

static lc_status read_setup(const bench_arguments *a, setup *s)
{
    size_t all = lc_threads_available();
    *s = (setup){.given = a, .batch = {{1, 16}, 2}, .threads = {{1, all}, all > 1 ? 2 : 1}};
    s->repeat = a->repeat ? a->repeat : DEFAULT_REPEAT;
    if (a->layers || a->once || a->turns) {
        s->batch = (lc_sizes){{16}, 1};
        s->threads = (lc_sizes){{all}, 1};
    }
    if (a->repeat > MAX_REPEAT) {
        return lc_fail(LC_ERR_ARG, "--repeat %zu; %d are the most", a->repeat, MAX_REPEAT);
    }
    if (a->batch) {
        LC_TRY(lc_sizes_split(&s->batch, a->batch, "--batch"));
    }
    return a->threads ? lc_sizes_split(&s->threads, a->threads, "--threads") : LC_OK;
}

/* A fresh process ------------------------------------------------------------------------------------------------- */

static lc_status make_bench(const lc_cli *cli, const setup *s, lc_network *network, size_t batch, size_t threads, lc_bench **out)
{
    lc_bench_options how = {.batch = batch, .threads = threads, .seed = cli->seed};
    how.precision = s->given->exact ? "f32-exact" : s->given->precision;
    how.profile = s->given->layers;
    return lc_bench_new(out, network, &how);
}

/* What may be in memory at most: the network as read, what was packed of it, activations, and 64 MB for the rest. */
static uint64_t memory_bound(lc_bench_bytes m)
{
    return m.weights + m.packed + m.arena + SLACK;
}

static lc_json *memory_json(lc_bench_bytes m, uint64_t peak)
{
    lc_json *object = lc_json_object();
    lc_json_set_int(object, "peak", (int64_t)peak);
    lc_json_set_int(object, "bound", (int64_t)memory_bound(m));
    lc_json_set_int(object, "weights", (int64_t)m.weights);
    lc_json_set_int(object, "packed", (int64_t)m.packed);
    lc_json_set_int(object, "activations", (int64_t)m.arena);
    return object;
}

static double megabytes(double bytes)
{
    return bytes / 1e6;
}

/* --once: the present process is the fresh one. */
static lc_status run_once(const lc_cli *cli, const setup *s, const char *model)
{
    lc_network *network = NULL;
    lc_bench *bench = NULL;
    double seconds;
    if (cli->operand_count > 1 || s->batch.count > 1 || s->threads.count > 1) {
        return lc_fail(LC_ERR_ARG, "--once is for one network, one --batch and one --threads");
    }
    lc_json *result = lc_cli_json(cli);
    lc_status st = lc_network_open_as(&network, model, s->given->arch);
    if (st == LC_OK) {
        st = make_bench(cli, s, network, s->batch.items[0], s->threads.items[0], &bench);
    }
    if (st == LC_OK) {
        st = lc_bench_run(bench, &seconds);
    }
    if (st == LC_OK) {
        lc_bench_bytes m = lc_bench_memory(bench);
        uint64_t peak = lc_peak_memory();
        lc_json_set_real(result, "seconds", seconds);
        lc_json_set(result, "memory", memory_json(m, peak));
        lc_cli_print(cli, "first pass %.1f ms; peak of memory %.1f MB of at most %.1f MB:\n", seconds * 1e3,
                     megabytes((double)peak), megabytes((double)memory_bound(m)));
        lc_cli_print(cli, "weights %.1f MB, packed %.1f MB, activations %.1f MB, all else %.1f MB\n",
                     megabytes((double)m.weights), megabytes((double)m.packed), megabytes((double)m.arena), megabytes(SLACK));
        st = lc_cli_write_json(cli, result);
    }
    lc_json_free(result);
    lc_bench_free(bench);
    lc_network_free(network);
    return st;
}

typedef struct {
    double start;         /* seconds from the start of a process to the end of its first pass */
    double peak, bound;   /* bytes; 0: not known */
} fresh;

/* What a child writes, until it ends; *first, which is 0: when the first of it came. */
static lc_status read_child(int from, lc_text *text, double *first)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) != 0) {
        if (n > 0) {
            *first = *first > 0 ? *first : lc_clock();
            fwrite(bytes, 1, (size_t)n, text->stream);
        } else if (errno != EINTR) {
            return lc_fail_errno("reading from a second layercut");
        }
    }
    return LC_OK;
}

/* Starts this program again for one pass, its standard output into `out`. */
static lc_status spawn_once(const lc_cli *cli, const setup *s, const char *model, size_t batch, size_t threads, int out,
                            pid_t *pid)
{
    char b[32], t[32], seed[32];
    snprintf(b, sizeof b, "--batch=%zu", batch);
    snprintf(t, sizeof t, "--threads=%zu", threads);
    snprintf(seed, sizeof seed, "--seed=%llu", (unsigned long long)cli->seed);
    const char *argv[16] = {"layercut", "bench", "--once", "--json=-", b, t, seed};
    size_t argc = 7;
    if (s->given->exact) {
        argv[argc++] = "--exact";
    }
    if (s->given->precision) {
        argv[argc++] = "--precision";
        argv[argc++] = s->given->precision;
    }
    if (s->given->arch) {
        argv[argc++] = "--arch";
        argv[argc++] = s->given->arch;
    }
    argv[argc++] = "--";
    argv[argc++] = model;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return lc_fail(LC_ERR_NOMEM, "out of memory");
    }
    int error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (error == 0) {
        error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, (char *const *)(const void *)argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        errno = error;
        return lc_fail_errno("starting a second layercut");
    }
    return LC_OK;
}

/* Threads that wait for more work by spinning go to sleep, so that the next measurement has the CPUs for itself. */
static void let_threads_sleep(void)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    nanosleep(&tenth, NULL);
}

static lc_status measure_fresh(const lc_cli *cli, const setup *s, const char *model, size_t batch, size_t threads, fresh *out)
{
    int ends[2], code = 0;
    pid_t pid = -1;
    double first = 0;
    lc_text text = {0};
    lc_json *json = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return lc_fail_errno("a pipe to a second layercut");
    }
    let_threads_sleep();
    double begun = lc_clock();
    lc_status st = spawn_once(cli, s, model, batch, threads, ends[1], &pid);
    close(ends[1]);
    if (st == LC_OK) {
        st = lc_text_open(&text);
        if (st == LC_OK) {
            st = read_child(ends[0], &text, &first);
            lc_status closed = lc_text_close(&text);
            st = st == LC_OK ? closed : st;
        }
        while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
        }
        if (st == LC_OK) {
            st = lc_interrupt_check();
        }
        if (st == LC_OK && (!WIFEXITED(code) || WEXITSTATUS(code) != 0)) {
            st = lc_fail(LC_ERR_IO, "a second layercut, run for its start and memory, failed");
        }
        if (st == LC_OK) {
            st = lc_json_parse(&json, text.text, text.size);
        }
        if (st == LC_OK) {
            const lc_json *memory = lc_json_get(json, "memory");
            *out = (fresh){first - begun, lc_json_number(memory, "peak", 0), lc_json_number(memory, "bound", 0)};
        }
        free(text.text);
    }
    close(ends[0]);
    lc_json_free(json);
    return st;
}

/* Measuring ------------------------------------------------------------------------------------------------------- */

/* One network with one batch size and number of threads. */
typedef struct {
    size_t batch, threads;
    lc_bench *bench;
    size_t passes;       /* in a repetition */
    double *seconds;     /* (repeat) of a pass */
    double *steps;       /* (steps, repeat) of a profile */
    double peak;         /* the highest rate of multiply-adds */
    fresh fresh;
} measurement;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void release(measurement *m)
{
    lc_bench_free(m->bench);
    free(m->seconds);
    free(m->steps);
}

/* Warm, and how many passes make a repetition. */
static lc_status prepare(const lc_cli *cli, const setup *s, lc_network *network, measurement *m)
{
    double seconds;
    LC_TRY(make_bench(cli, s, network, m->batch, m->threads, &m->bench));
    LC_TRY(lc_alloc_array(&m->seconds, s->repeat, sizeof *m->seconds));
    LC_TRY(lc_alloc_array(&m->steps, s->repeat * lc_bench_steps(m->bench), sizeof *m->steps));
    LC_TRY(lc_bench_run(m->bench, &seconds));
    LC_TRY(lc_bench_run(m->bench, &seconds));
    double passes = (s->given->turns ? MIN_TURN_SECONDS : MIN_SECONDS) / (seconds + 1e-9) + 1;
    m->passes = passes < MAX_PASSES ? (size_t)passes : MAX_PASSES;
    return LC_OK;
}

/* Mean seconds of a repetition's passes; one before them does not count. */
static lc_status run_passes(measurement *m, double *mean)
{
    double seconds;
    LC_TRY(lc_bench_run(m->bench, &seconds));
    *mean = 0;
    for (size_t i = 0; i < m->passes; i++) {
        LC_TRY(lc_interrupt_check());
        LC_TRY(lc_bench_run(m->bench, &seconds));
        *mean += seconds / (double)m->passes;
    }
    return LC_OK;
}

/* Repetition r. The profile is that of its last pass. */
static lc_status repeat(const setup *s, measurement *m, size_t r)
{
    double rate;
    let_threads_sleep();
    LC_TRY(lc_bench_peak(m->bench, &rate));
    m->peak = rate > m->peak ? rate : m->peak;
    LC_TRY(run_passes(m, &m->seconds[r]));
    for (size_t i = 0; i < lc_bench_steps(m->bench); i++) {
        m->steps[i * s->repeat + r] = lc_bench_step_at(m->bench, i)->seconds;
    }
    return LC_OK;
}

/* Showing --------------------------------------------------------------------------------------------------------- */

/* Two floating-point operations per multiply-add, in 10^9 per second. */
static double gflops(double macs, double seconds)
{
    return seconds > 0 ? 2 * macs / seconds * 1e-9 : 0;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static int decimals(double value)
{
    return value >= 100 ? 0 : value >= 10 ? 1 : 2;
}

static void number_cell(lc_text *cells, double value)
{
    lc_table_cell(cells, "%.*f", decimals(value), value);
}

/* A rate, or nothing where there are no multiply-adds. */
static void rate_cells(lc_text *cells, double macs, double seconds, double peak)
{
    if (macs > 0) {
        number_cell(cells, gflops(macs, seconds));
        lc_table_cell(cells, "%.0f", percent(macs / seconds, peak));
    } else {
        lc_table_cell(cells, "-");
        lc_table_cell(cells, "-");
    }
}

static void run_cells(lc_text *cells, const lc_network_info *info, const measurement *m, double seconds)
{
    double macs = (double)info->macs * (double)m->batch;
    lc_table_cell(cells, "%s", info->name);
    lc_table_cell(cells, "%zu", m->batch);
    lc_table_cell(cells, "%zu", m->threads);
    number_cell(cells, seconds / (double)m->batch * 1e3);
    rate_cells(cells, macs, seconds, m->peak);
    number_cell(cells, megabytes(m->fresh.peak));
    number_cell(cells, megabytes(m->fresh.bound));
    number_cell(cells, m->fresh.start * 1e3);
}

static lc_json *run_json(const lc_network_info *info, const measurement *m, double seconds)
{
    lc_json *object = lc_json_object();
    double macs = (double)info->macs * (double)m->batch;
    lc_json_set_int(object, "batch", (int64_t)m->batch);
    lc_json_set_int(object, "threads", (int64_t)m->threads);
    lc_json_set_real(object, "ms_per_picture", seconds / (double)m->batch * 1e3);
    lc_json_set_real(object, "gflops", gflops(macs, seconds));
    lc_json_set_real(object, "peak_gflops", gflops(m->peak, 1));
    lc_json_set_real(object, "percent_of_peak", percent(macs / seconds, m->peak));
    return object;
}

/* All steps of one kind together. */
typedef struct {
    const char *kind;
    size_t count;
    double macs, seconds;
} kind_sum;

static kind_sum *find_kind(kind_sum *kinds, size_t *count, const char *kind)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return &kinds[i];
        }
    }
    kinds[*count] = (kind_sum){.kind = kind};
    return &kinds[(*count)++];
}

static lc_json *step_json(const lc_bench_step *step, double macs, double seconds, double peak)
{
    lc_json *object = lc_json_object();
    lc_json_set_string(object, "name", step->name);
    lc_json_set_string(object, "kind", step->kind);
    lc_json_set(object, "shape", lc_shape_json(step->shape));
    lc_json_set_int(object, "macs", (int64_t)step->macs);
    lc_json_set_real(object, "seconds", seconds);
    lc_json_set_real(object, "gflops", gflops(macs, seconds));
    lc_json_set_real(object, "percent_of_peak", percent(macs / seconds, peak));
    return object;
}

static int by_seconds(const void *a, const void *b)
{
    return -compare_doubles(&((const kind_sum *)a)->seconds, &((const kind_sum *)b)->seconds);
}

/* The same columns for kinds and their total as for layers. */
static lc_status print_kinds(const lc_cli *cli, const measurement *m, kind_sum *kinds, size_t count, kind_sum all)
{
    static const char *const titles[] = {"<kind", ">steps", ">macs", ">us/picture", ">GFLOP/s", ">% peak", ">% time"};
    lc_text cells;
    qsort(kinds, count, sizeof *kinds, by_seconds);
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i <= count; i++) {
        const kind_sum *k = i < count ? &kinds[i] : &all;
        char macs[16];
        lc_table_cell(&cells, "%s", k->kind);
        lc_table_cell(&cells, "%zu", k->count);
        lc_table_cell(&cells, "%s", k->macs > 0 ? lc_human(macs, (uint64_t)(k->macs / (double)m->batch)) : "-");
        number_cell(&cells, k->seconds / (double)m->batch * 1e6);
        rate_cells(&cells, k->macs, k->seconds, m->peak);
        lc_table_cell(&cells, "%.1f", percent(k->seconds, all.seconds));
    }
    lc_cli_print(cli, "\n");
    return lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
}

static lc_status print_profile(const lc_cli *cli, const setup *s, const lc_network_info *info, measurement *m, lc_json *rows)
{
    static const char *const titles[] = {"<layer",      "<kind",    ">CxHxW",  ">macs",
                                         ">us/picture", ">GFLOP/s", ">% peak", ">% time"};
    size_t steps = lc_bench_steps(m->bench), kind_count = 0;
    kind_sum *kinds, all = {.kind = "all", .count = steps};
    lc_text cells;
    LC_TRY(lc_alloc_array(&kinds, steps, sizeof *kinds));
    lc_status st = lc_text_open(&cells);
    if (st != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < steps; i++) {
        const lc_bench_step *step = lc_bench_step_at(m->bench, i);
        kind_sum *k = find_kind(kinds, &kind_count, step->kind);
        double seconds = median(m->steps + i * s->repeat, s->repeat), macs = (double)step->macs * (double)m->batch;
        k->count++;
        k->macs += macs;
        k->seconds += seconds;
        all.macs += macs;
        all.seconds += seconds;
    }
    for (size_t i = 0; i < steps; i++) {
        const lc_bench_step *step = lc_bench_step_at(m->bench, i);
        double seconds = median(m->steps + i * s->repeat, s->repeat), macs = (double)step->macs * (double)m->batch;
        char shape[96], text[16];
        lc_table_cell(&cells, "%s", step->name);
        lc_table_cell(&cells, "%s", step->kind);
        lc_table_cell(&cells, "%s", lc_map_text(shape, step->shape));
        lc_table_cell(&cells, "%s", step->macs ? lc_human(text, step->macs) : "-");
        number_cell(&cells, seconds / (double)m->batch * 1e6);
        rate_cells(&cells, macs, seconds, m->peak);
        lc_table_cell(&cells, "%.1f", percent(seconds, all.seconds));
        lc_json_add(rows, step_json(step, macs, seconds, m->peak));
    }
    lc_cli_print(cli, "%s, batch %zu, threads %zu: peak %.1f GFLOP/s\n\n", info->name, m->batch, m->threads,
                 gflops(m->peak, 1));
    st = lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
    if (st == LC_OK) {
        st = print_kinds(cli, m, kinds, kind_count, all);
    }
    if (st == LC_OK) {
        double seconds = median(m->seconds, s->repeat);
        lc_cli_print(cli, "\na pass: %.2f ms per picture; the steps come to %.1f %% of it\n", seconds / (double)m->batch * 1e3,
                     percent(all.seconds, seconds));
    }
done:
    free(kinds);
    return st;
}

/* Turns ----------------------------------------------------------------------------------------------------------- */

/* The batch sizes that standard input asks for, answered one by one. */
static lc_status take_turns(const lc_cli *cli, const setup *s, const char *model)
{
    measurement m[LC_MAX_SIZES] = {0};
    lc_network *network = NULL;
    char line[64];
    double seconds;
    if (cli->operand_count > 1 || s->threads.count > 1) {
        return lc_fail(LC_ERR_ARG, "--turns is for one network and one --threads");
    }
    lc_status st = lc_network_open_as(&network, model, s->given->arch);
    for (size_t i = 0; st == LC_OK && i < s->batch.count; i++) {
        m[i] = (measurement){.batch = s->batch.items[i], .threads = s->threads.items[0]};
        st = prepare(cli, s, network, &m[i]);
    }
    while (st == LC_OK && fgets(line, sizeof line, stdin)) {
        size_t i = 0;
        while (i < s->batch.count && m[i].batch != strtoull(line, NULL, 10)) {
            i++;
        }
        if (i == s->batch.count) {
            st = lc_fail(LC_ERR_ARG, "standard input: '%.*s' is no size that --batch names", (int)strcspn(line, "\n"), line);
            break;
        }
        st = run_passes(&m[i], &seconds);
        if (st == LC_OK) {
            printf("%.4f\n", seconds / (double)m[i].batch * 1e3);
            fflush(stdout);
        }
    }
    for (size_t i = 0; i < s->batch.count; i++) {
        release(&m[i]);
    }
    lc_network_free(network);
    return st;
}

/* The command ----------------------------------------------------------------------------------------------------- */

static lc_status show(const lc_cli *cli, const setup *s, const lc_network_info *info, measurement *m, lc_text *cells,
                      lc_json *runs)
{
    double seconds = median(m->seconds, s->repeat);
    lc_json *run = run_json(info, m, seconds);
    lc_json_add(runs, run);
    if (s->given->layers) {
        lc_json *rows = lc_json_array();
        lc_json_set(run, "layers", rows);
        return print_profile(cli, s, info, m, rows);
    }
    lc_json_set_real(run, "start_ms", m->fresh.start * 1e3);
    lc_json_set_int(run, "peak_bytes", (int64_t)m->fresh.peak);
    lc_json_set_int(run, "bound_bytes", (int64_t)m->fresh.bound);
    run_cells(cells, info, m, seconds);
    return LC_OK;
}

static lc_status bench_network(const lc_cli *cli, const setup *s, const char *model, lc_text *cells, lc_json *networks)
{
    measurement all[LC_MAX_SIZES * LC_MAX_SIZES] = {0};
    size_t count = 0;
    lc_network *network = NULL;
    lc_status st = lc_network_open_as(&network, model, s->given->arch);
    for (size_t b = 0; b < s->batch.count; b++) {
        for (size_t t = 0; t < s->threads.count; t++) {
            all[count++] = (measurement){.batch = s->batch.items[b], .threads = s->threads.items[t]};
        }
    }
    for (size_t i = 0; st == LC_OK && i < count; i++) {
        st = prepare(cli, s, network, &all[i]);
        if (st == LC_OK && !s->given->layers) {
            st = measure_fresh(cli, s, model, all[i].batch, all[i].threads, &all[i].fresh);
        }
    }
    for (size_t r = 0; st == LC_OK && r < s->repeat; r++) {
        for (size_t i = 0; st == LC_OK && i < count; i++) {
            st = repeat(s, &all[i], r);
        }
        lc_progress("repetitions", r + 1, s->repeat);
    }
    if (st == LC_OK) {
        const lc_network_info *info = lc_network_describe(network);
        lc_json *object = lc_json_object(), *runs = lc_json_array();
        lc_json_set(object, "model", lc_network_json(info));
        lc_json_set(object, "runs", runs);
        lc_json_add(networks, object);
        for (size_t i = 0; st == LC_OK && i < count; i++) {
            st = show(cli, s, info, &all[i], cells, runs);
        }
    }
    for (size_t i = 0; i < count; i++) {
        release(&all[i]);
    }
    lc_network_free(network);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    static const char *const titles[] = {"<network", ">batch", ">thr",   ">ms/pic", ">GFLOP/s",
                                         ">% peak",  ">MB",    ">bound", ">start"};
    static const char *const embedded[] = {"embedded"};
    const bench_arguments *a = arguments;
    const char *const *models = cli->operand_count ? cli->operands : embedded;
    size_t count = cli->operand_count ? cli->operand_count : 1;
    setup s;
    LC_TRY(read_setup(a, &s));
    if (a->once || a->turns) {
        return a->once ? run_once(cli, &s, models[0]) : take_turns(cli, &s, models[0]);
    }
    lc_text cells;
    lc_json *result = lc_cli_json(cli), *networks = lc_json_array();
    lc_json_set_int(result, "seed", (int64_t)cli->seed);
    lc_json_set_int(result, "repeat", (int64_t)s.repeat);
    lc_json_set(result, "networks", networks);
    lc_status st = lc_text_open(&cells);
    if (st != LC_OK) {
        goto done;
    }
    for (size_t i = 0; st == LC_OK && i < count; i++) {
        if (a->layers && i) {
            lc_cli_print(cli, "\n");
        }
        st = bench_network(cli, &s, models[i], &cells, networks);
    }
    if (st != LC_OK || a->layers) {
        lc_status closed = lc_text_close(&cells);
        free(cells.text);
        st = st == LC_OK ? closed : st;
    } else {
        st = lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
    }
    if (st == LC_OK) {
        st = lc_cli_write_json(cli, result);
    }
done:
    lc_json_free(result);
    return st;
}

const lc_cli_command lc_command_bench = {
    .name = "bench",
    .group = "Measure",
    .summary = "speed of networks and of their layers, against the machine's peak",
    .usage = "[MODEL...] [options]",
    .description =
        "Runs random pictures through networks (default: 'embedded') and shows the median of interleaved repetitions: "
        "milliseconds per picture (ms/pic), and GFLOP/s, which are two operations for each multiply-add of the direct "
        "convolution, however it is computed. The peak is a loop of multiply-adds in registers, on as many threads at "
        "once, in the same run. MB is the most memory that a fresh process held for one pass, bound what it may: weights, packed "
        "weights, activations, and 64 MB. start is milliseconds from starting the program to the end of that first pass.",
    .example = "layercut bench embedded --layers",
    .options = options,
    .arguments_size = sizeof(bench_arguments),
    .min_operands = 0,
    .max_operands = 64,
    .run = run,
};
