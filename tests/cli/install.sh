# What `make install` puts there is enough to build and run a program on both doors; uninstall leaves nothing.
. "$ROOT/tests/cli_helpers.sh"
unset MAKEFLAGS MAKELEVEL
make -C "$ROOT" O="$O" -s install DESTDIR="$PWD/dest" PREFIX=/opt >install.log 2>&1 || { cat install.log; exit 1; }
(cd dest && find . -type f | sort)
cat >program.c <<'END'
#include <layercut/classifier.h>
#include <layercut/extractor.h>
#include <stdio.h>

int main(void)
{
    lc_network *network;
    lc_metrics *metrics;
    const int32_t truth[] = {0, 1, 1, 0}, predicted[] = {0, 1, 0, 0};
    const char *names[] = {"a", "b"};
    if (lc_network_open(&network, "embedded") != LC_OK ||
        lc_metrics_compute(&metrics, 4, 2, names, truth, predicted, NULL, false) != LC_OK) {
        puts(lc_error_message());
        return 1;
    }
    printf("%s: %zu taps; accuracy %.2f\n", lc_network_describe(network)->name, lc_network_describe(network)->tap_count,
           lc_metrics_describe(metrics)->accuracy);
    lc_metrics_free(metrics);
    lc_network_free(network);
    return 0;
}
END
PKG_CONFIG_PATH=$PWD/dest/opt/lib/pkgconfig
export PKG_CONFIG_PATH
flags=$(pkg-config --define-variable=prefix="$PWD/dest/opt" --cflags --libs layercut)
# shellcheck disable=SC2086
${CC:-gcc} -std=c11 -Wall -Wextra -Werror ${SANITIZE:+-fsanitize=$SANITIZE} program.c -o program $flags && ./program
make -C "$ROOT" O="$O" -s uninstall DESTDIR="$PWD/dest" PREFIX=/opt && find dest -type f
