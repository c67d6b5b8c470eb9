# The example of every --help, pasted, one after the other beside a folder `pictures`.
. "$ROOT/tests/cli_helpers.sh"
needs_training
toy pictures 6
commands="run layers cut extract info verify merge sweep train evaluate predict export finetune compare transfer-matrix bench help"
sed -n 's/_/-/g; s/^LC-COMMAND(\(.*\))/\1/p' "$ROOT/tools/command_list.inc" | while read -r command; do
    [ "$command" = import ] && continue # cli/import_mnist.sh: it wants MNIST
    case " $commands " in *" $command "*) ;; *) echo "$command is not among them" ;; esac
done
for command in $commands; do
    "$LAYERCUT" $command --help | sed -n '/^example:/,$p' | sed 1d >example.txt
    sed 's/^  layercut/"$LAYERCUT"/' example.txt >example.sh
    sh ./example.sh >out.txt 2>err.txt
    code=$?
    echo "exit $code:$(cat example.txt)"
    [ "$code" = 0 ] || cat err.txt
    awk -v command="$command" 'length > 80 && !/^command|^source|^model_path/ { print command " wider than 80 columns: " $0 }' out.txt err.txt
done
