# layercut - deep features + classical classifiers, in C
#
#   make            build $(O)/layercut
#   make TRAIN=0    without fine-tuning, build/frozen/layercut
#   make test       what CI runs: rooms, unit tests, command-line tests
#   make help       every target
#
# Variables: O (build folder) [build; with TRAIN=0 build/frozen], CC, CFLAGS [-O2 -g], PREFIX [/usr/local], DESTDIR, V=1 (show commands),
#            JOBS (compilers at a time, in demo and test) [all CPUs],
#            TRAIN (0: without fine-tuning) [1],
#            SANITIZE (address,undefined | thread), FUZZ_SECONDS (per fuzz target) [60]
#
# A source file is found by its place: every .c of a room is built. Kernels are compiled for the instruction set that
# ends their file's name (kernels_avx2.c).

TRAIN        ?= 1
O            ?= $(if $(filter 0,$(TRAIN)),build/frozen,build)
CC           ?= gcc
CFLAGS       ?= -O2 -g
PREFIX       ?= /usr/local
FUZZ_SECONDS ?= 60
JOBS         ?= $(shell nproc)
SUBMAKE       = $(MAKE) --no-print-directory -j$(JOBS)
VERSION      := 0.1.0

PACKAGES := gcc make pkg-config libc6-dev libopenblas-dev libhdf5-dev libsvm-dev libjpeg62-turbo-dev libwebp-dev libstb-dev \
            libprotobuf-c-dev protobuf-c-compiler libjansson-dev libpthreadpool-dev libssl-dev zlib1g-dev \
            libcmocka-dev libsvm-tools liblinear-tools curl ca-certificates

# Recursive on purpose: asked when a recipe runs, which is after `deps` has installed pkg-config.
PKG_CFLAGS = $(shell pkg-config --cflags hdf5 openblas jansson libprotobuf-c stb libjpeg libwebp libwebpdemux libcrypto zlib)
PKG_LIBS   = $(shell pkg-config --libs hdf5 jansson libprotobuf-c libjpeg libwebp libwebpdemux libcrypto zlib)
LIBS       = $(PKG_LIBS) -lsvm -lpthreadpool -ldl -lm -lpthread

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
ifdef SANITIZE
SAN_FLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
# Of the checks for undefined behaviour not those of every address: the compiler takes several times as long over them,
# and the address sanitizer looks at the same accesses.
KERNEL_SAN := -fno-sanitize=null,alignment,object-size,pointer-overflow
endif
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(NO_TRAIN) -DLC_VERSION='"$(VERSION)"' $(WARNINGS) $(CFLAGS) $(SAN_FLAGS) -I. -I$(O) $(PKG_CFLAGS)

ISA_avx2   := -mavx2 -mfma
ISA_avx512 := -mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma -mprefer-vector-width=512
ISA_avx512bf16 := $(ISA_avx512) -mavx512bf16
isa         = $(ISA_$(lastword $(subst _, ,$(basename $(notdir $<)))))

COMMON     := $(wildcard common/*.c)
EXTRACTOR  := $(wildcard extractor/*.c extractor/*/*.c)
ifeq ($(TRAIN),0)
EXTRACTOR  := $(filter-out extractor/train/% extractor/finetune.c,$(EXTRACTOR))
NO_TRAIN   := -DLC_NO_TRAIN
endif
CLASSIFIER := $(wildcard classifier/*.c)
TOOLS      := $(wildcard tools/*.c tools/report/*.c)
ifeq ($(TRAIN),0)
TOOLS      := $(filter-out tools/cmd_finetune.c tools/cmd_transfer_matrix.c,$(TOOLS))
endif
EXAMPLES   := $(wildcard tools/examples/*.c)
UNIT_TESTS := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/test_*.c))
TAPE_STEPS := $(O)/tests/tape_steps
ifeq ($(TRAIN),0)
UNIT_TESTS := $(filter-out $(patsubst %,$(O)/tests/test_%,augment regularizers scratch tape train),$(UNIT_TESTS))
TAPE_STEPS :=
endif
FUZZERS    := $(patsubst tests/%.c,$(O)/tests/%,$(filter-out tests/fuzz_main.c,$(wildcard tests/fuzz_*.c)))

objects   = $(patsubst %.c,$(O)/%.o,$(1))
ARCHIVES := $(O)/liblayercut_extractor.a $(O)/liblayercut_classifier.a $(O)/liblayercut_common.a

ifndef V
Q := @
endif

## all: build the program and the libraries (default)
all: $(O)/layercut

$(O)/layercut: $(call objects,$(TOOLS)) $(ARCHIVES)
	@echo "  link $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(O)/liblayercut_common.a: $(call objects,$(COMMON))
$(O)/liblayercut_extractor.a: $(call objects,$(EXTRACTOR)) $(O)/extractor/models/onnx.pb-c.o $(O)/extractor/models/embedded_file.o
$(O)/liblayercut_classifier.a: $(call objects,$(CLASSIFIER))
$(ARCHIVES):
	@echo "  ar   $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# A program without libraries that draws the pictures of `make demo` and of the tests.
$(O)/draw_toy: $(O)/datasets/toy/draw_toy.o
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lm

# Another: the two sets of pictures that `layercut run` is shown with.
$(O)/draw: $(call objects,$(wildcard datasets/drawn/*.c))
	@echo "  link $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lm

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc   $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(ROOM_CFLAGS) $(isa) -MMD -MP -c -o $@ $<

# The built-in network's weights.
$(O)/extractor/models/embedded_file.o: extractor/models/embedded_file.S extractor/models/embedded.safetensors
	@mkdir -p $(@D)
	@echo "  as   $<"
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

# Inner loops: fused multiply-add wherever the instruction set has it, and the optimiser's full unrolling.
$(O)/extractor/kernels/%.o: ROOM_CFLAGS := -O3 -ffp-contract=fast $(KERNEL_SAN)

# Sums that stay in registers once their loops are unrolled.
$(O)/extractor/image/resize_%.o: ROOM_CFLAGS := -O3

# Loops of the classifiers: vectors wherever a loop says so.
$(O)/classifier/loops_%.o: ROOM_CFLAGS := -O3 -fopenmp-simd -ffp-contract=fast

$(O)/extractor/models/onnx.pb-c.c: extractor/models/onnx.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(O) $<
$(O)/extractor/models/onnx.pb-c.o: $(O)/extractor/models/onnx.pb-c.c
	$(Q)$(CC) -std=c11 $(CFLAGS) $(SAN_FLAGS) -w -I$(O) $(PKG_CFLAGS) -c -o $@ $<
$(patsubst %,$(O)/extractor/models/%.o,onnx onnx_write onnx_export): | $(O)/extractor/models/onnx.pb-c.c

$(O)/tests/%: $(O)/tests/%.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

# Training steps, for compare_training.py.
$(O)/tests/tape_steps: $(O)/tests/tape_steps.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Loaded before a program, makes its writes fail; sanitizers have no part in it.
$(O)/tests/fail_io.so: tests/fail_io.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O1 -fPIC -shared -o $@ $< -ldl

## deps: install what the build needs (Debian, Ubuntu: apt-get; elsewhere: names the packages)
deps:
	@sh tools/install_deps.sh $(PACKAGES)

## demo: draw a small picture set, extract, train, evaluate, predict: the whole path in under a minute
demo: deps
	@$(SUBMAKE) all $(O)/draw
	@sh datasets/demo.sh $(O)/layercut $(O)/demo

## test: rooms, unit tests, command-line tests (minutes)
test: deps
	@$(SUBMAKE) run-tests

## test-full: the same, and what takes longer
test-full: deps
	@LC_TEST_FULL=1 $(SUBMAKE) run-tests

run-tests: all $(O)/draw_toy $(O)/draw $(TAPE_STEPS) $(O)/tests/break_store $(O)/tests/fail_io.so $(UNIT_TESTS) $(FUZZERS:%=%.replay)
	@sh tests/run.sh $(O)

## asan: the tests under the address and undefined-behaviour sanitizers
asan: deps
	@$(SUBMAKE) O=$(O)/asan SANITIZE=address,undefined run-tests

## tsan: the tests under the thread sanitizer
tsan: deps
	@$(SUBMAKE) O=$(O)/tsan SANITIZE=thread run-tests

## fuzz: every reader of foreign files under libFuzzer (needs clang), FUZZ_SECONDS each
fuzz: deps
	@mkdir -p $(O)/fuzz
	@echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	    clang -fsanitize=fuzzer,address,undefined -w -x c -o $(O)/fuzz/works - || { \
	    echo "make fuzz needs clang with libFuzzer: apt-get install clang libclang-rt-dev (Debian, Ubuntu)" >&2; exit 1; }
	@$(SUBMAKE) O=$(O)/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined run-fuzz

run-fuzz: $(FUZZERS:%=%.fuzz)
	@sh tests/run_fuzz.sh $(O) $(FUZZ_SECONDS)

$(O)/tests/%.fuzz: $(O)/tests/%.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(O)/tests/%.replay: $(O)/tests/%.o $(O)/tests/fuzz_main.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

## bench: speed against the machine's peak, ONNX Runtime and PyTorch, where installed (NETS="vgg16 resnet18" ROUNDS=5)
bench: all
	@sh tests/bench.sh $(abspath $(O))/layercut $(O)

## many: memory and time of writing over 100 000 pictures, drawn for it (1.2 GB of disk, minutes)
many: all $(O)/draw_toy
	@sh tests/many.sh $(O)

## bench-classifier: time of training against scikit-learn and svm-train, where those are installed; PARTS="linear memory" of it
bench-classifier: all
	@mkdir -p $(O)/bench && cd $(O)/bench && /usr/bin/python3 $(CURDIR)/tests/bench_classifier.py $(abspath $(O))/layercut $(PARTS)

## bench-training: a training step of ResNet-18 against PyTorch's, where that is installed (ROUNDS=3 NET=resnet18)
bench-training: all
	@/usr/bin/python3 tests/bench_training.py $(O)/layercut

COMMANDS := $(shell sed -n 's/_/-/g; s/^LC-COMMAND(\(.*\))/\1/p' tools/command_list.inc)
ifeq ($(TRAIN),0)
COMMANDS := $(filter-out finetune transfer-matrix,$(COMMANDS))
endif
MAN1     := $(DESTDIR)$(PREFIX)/share/man/man1
BASH_DIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
DOC_DIR  := $(DESTDIR)$(PREFIX)/share/doc/layercut

## install: program, libraries, headers, manual pages, completion of bash and zsh, examples; under $(DESTDIR)$(PREFIX)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/layercut/common
	install -m 755 $(O)/layercut $(DESTDIR)$(PREFIX)/bin/layercut
	install -m 644 $(ARCHIVES) $(DESTDIR)$(PREFIX)/lib/
	install -m 644 extractor/extractor.h classifier/classifier.h $(DESTDIR)$(PREFIX)/include/layercut/
	install -m 644 $(PUBLIC_COMMON:%=common/%) $(DESTDIR)$(PREFIX)/include/layercut/common/
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' tools/layercut.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/layercut.pc
	install -d $(MAN1) $(BASH_DIR) $(ZSH_DIR)
	$(O)/layercut help --man > $(MAN1)/layercut.1
	set -e; for command in $(COMMANDS); do $(O)/layercut help --man $$command > $(MAN1)/layercut-$$command.1; done
	$(O)/layercut help --completion bash > $(BASH_DIR)/layercut
	$(O)/layercut help --completion zsh > $(ZSH_DIR)/_layercut
	install -d $(DOC_DIR)/examples
	install -m 644 $(EXAMPLES) $(DOC_DIR)/examples/

# What the two doors include.
PUBLIC_COMMON := error.h log.h feature_store.h manifest.h json.h sha256.h threads.h

## uninstall: remove what install put there
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/layercut $(ARCHIVES:$(O)/%=$(DESTDIR)$(PREFIX)/lib/%) \
	      $(DESTDIR)$(PREFIX)/lib/pkgconfig/layercut.pc $(MAN1)/layercut.1 $(COMMANDS:%=$(MAN1)/layercut-%.1) \
	      $(BASH_DIR)/layercut $(ZSH_DIR)/_layercut
	rm -rf $(DESTDIR)$(PREFIX)/include/layercut $(DOC_DIR)

## clean: remove the build folder
clean:
	rm -rf $(O)

## help: list targets
help:
	@sed -n 's/^## \([a-z-]*\): /\1 /p' Makefile | awk '{ line = sprintf("%-16s", $$1); \
	    for (i = 2; i <= NF; i++) { \
	        if (length(line " " $$i) > 79) { print line; line = sprintf("%16s", "") } \
	        line = line " " $$i } \
	    print line }'

.PHONY: all deps demo test test-full run-tests asan tsan fuzz run-fuzz bench bench-classifier bench-training many install uninstall clean help
.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
