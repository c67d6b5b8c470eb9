# What `make install` puts there is enough to build and run a program on both doors; uninstall leaves nothing.
. "$ROOT/tests/cli_helpers.sh"
unset MAKEFLAGS MAKELEVEL
make -C "$ROOT" O="$O" -s install DESTDIR="$PWD/dest" PREFIX=/opt >install.log 2>&1 || { cat install.log; exit 1; }
(cd dest && find . -type f | sort | grep -v '/man1/')
# A page for every command.
(cd dest/opt/share/man/man1 && ls) >pages.txt
{ all_commands | sed 's/.*/layercut-&.1/'; echo layercut.1; } | sort >commands.txt
sort pages.txt -o pages.txt
same pages.txt commands.txt
PKG_CONFIG_PATH=$PWD/dest/opt/lib/pkgconfig
export PKG_CONFIG_PATH
flags=$(pkg-config --define-variable=prefix="$PWD/dest/opt" --cflags --libs layercut)
compile() {
    # shellcheck disable=SC2086
    ${CC:-gcc} -std=c11 -Wall -Wextra -pedantic -Werror ${SANITIZE:+-fsanitize=$SANITIZE} "$@" $flags
}

# Every header alone, as the first one that a program includes.
for header in $(cd dest/opt/include && find . -name '*.h' | sed 's|^\./||'); do
    echo "#include <$header>" >header.c
    compile -c header.c -o header.o || echo "$header does not stand alone"
done

# Both examples, against what the program says.
toy pictures 6
picture=pictures/test/dots/000.ppm
compile dest/opt/share/doc/layercut/examples/features.c -o features && ./features embedded $picture >a.txt
quietly extract embedded $picture -o one.h5
quietly export one.h5 --format csv -o one
sed 1d one.csv | tr ',' '\n' | tail -n "$(wc -l <a.txt)" | awk '{ printf "%.9g\n", $1 }' >b.txt
wc -l <a.txt
awk '{ printf "%.9g\n", $1 }' a.txt >c.txt
same c.txt b.txt
./features embedded nowhere.png
./features embedded 2>&1
quietly extract embedded pictures -o f.h5
compile dest/opt/share/doc/layercut/examples/classify.c -o classify && ./classify f.h5 >classified.txt
sed -n 1p classified.txt | cut -f 1,3
quietly train f.h5 -o c.h5
"$LAYERCUT" evaluate c.h5 f.h5 -q --predictions p.csv | sed -n 's/^\(accuracy [0-9.]*\) (.*/\1/p' >b.txt
tail -n 1 classified.txt >a.txt
same a.txt b.txt
sed 1d p.csv | cut -d , -f 3 | tr -d '"' >b.txt
cut -f 2 classified.txt | sed '$d' >a.txt
same a.txt b.txt
ls svm.h5
make -C "$ROOT" O="$O" -s uninstall DESTDIR="$PWD/dest" PREFIX=/opt && find dest -type f
