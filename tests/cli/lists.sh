# List files: splits, quoting, standard input, flat folders, what is passed over.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 3
{ echo path,label,split
  echo pictures/train/dots/000.ppm,dots,train
  echo '"pictures/train/rings/000.ppm","big, round rings",train'
  echo pictures/test/dots/000.ppm,dots,test; } >list.csv
quietly extract embedded list.csv -o a.h5
"$LAYERCUT" info a.h5 | sed -n '/^class/,$p'
quietly extract embedded - -o b.h5 <list.csv
"$LAYERCUT" export a.h5 --format npy -o a >/dev/null; "$LAYERCUT" export b.h5 --format npy -o b >/dev/null
same a.npy b.npy
# A name that a table has no room for stands on a line of its own, whole; characters count, not bytes.
long="a class whose name is rather longer than anyone would like it to be, in full"
printf 'path,label\npictures/train/dots/000.ppm,"%s"\npictures/train/dots/001.ppm,Käfer\n' "$long" >long.csv
quietly extract embedded long.csv -o long.h5
"$LAYERCUT" info long.h5 | sed -n '/^class/,$p'
mkdir flat; cp pictures/train/dots/*.ppm flat; touch flat/.hidden flat/notes.md
"$LAYERCUT" extract embedded flat -o c.h5 2>&1 | grep -E '^(pictures|  *passed)'
printf 'path,label\n"unclosed,a\n' >broken.csv
expect 1 "broken.csv" extract embedded broken.csv -o d.h5
printf 'picture,label\nx.ppm,a\n' >nopath.csv
expect 1 "path" extract embedded nopath.csv -o d.h5
