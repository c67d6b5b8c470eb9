# For fetch.sh: what each picture set needs, and how its archives become split/class/picture. unpack_NAME ARCHIVES runs in
# an empty folder and leaves a folder NAME there.

case $LAYERCUT in '' | /*) ;; *) LAYERCUT=$PWD/$LAYERCUT ;; esac

# The program that reads idx and CIFAR's files, or nothing.
importer() {
    for program in "$LAYERCUT" "$here/../build/layercut" "$(command -v layercut)"; do
        if [ -x "$program" ]; then printf '%s\n' "$program"; return; fi
    done
}

# missing_tools NAME: what is not there to unpack it.
missing_tools() {
    case $1 in
        ants-bees | caltech101) command -v unzip >/dev/null 2>&1 || echo "unzip: install it (Debian: apt-get install unzip)" ;;
        mnist | cifar10) [ -n "$(importer)" ] || echo "layercut, which is not built: make" ;;
    esac
}

# share FROM TO TRAIN VAL: pictures of each class folder of FROM, in the order of their names: the first TRAIN to
# TO/train, the next VAL to TO/val, the rest to TO/test.
share() {
    for class in "$1"/*/; do
        class=$(basename "$class")
        number=0
        for picture in "$1/$class"/*.jpg; do
            number=$((number + 1))
            split=test
            if [ $number -le "$3" ]; then split=train; elif [ $number -le $(($3 + $4)) ]; then split=val; fi
            mkdir -p "$2/$split/$class" && mv "$picture" "$2/$split/$class/" || return 1
        done
    done
}

# The tutorial's own train and val. One file of train is the picture of an error message.
unpack_ants_bees() {
    unzip -q "$1/hymenoptera_data.zip" && mkdir ants-bees && mv hymenoptera_data/train hymenoptera_data/val ants-bees/ &&
        rm -f ants-bees/train/ants/imageNotFound.gif
}

unpack_mnist() {
    mkdir files && ln -s "$1"/*-ubyte.gz files/ && "$(importer)" import files -o mnist --quiet
}

unpack_cifar10() {
    tar -xzf "$1/cifar-10-binary.tar.gz" && "$(importer)" import cifar-10-batches-bin -o cifar10 --quiet
}

# 30 of each class to train on, as is the custom; the class of things that are none of the others is left out.
unpack_caltech101() {
    unzip -q "$1/caltech-101.zip" 'caltech-101/101_ObjectCategories.tar.gz' &&
        tar -xzf caltech-101/101_ObjectCategories.tar.gz && rm -rf 101_ObjectCategories/BACKGROUND_Google &&
        share 101_ObjectCategories caltech101 30 0
}

# 80 pictures of each class, numbered through, classes in the order of the set's page. 40, 20 and 20 as in the set's own
# three splits, but by number.
unpack_flowers17() {
    tar -xzf "$1/17flowers.tgz" || return 1
    number=0
    for class in daffodil snowdrop lily_of_the_valley bluebell crocus iris tigerlily tulip fritillary sunflower daisy \
        colts_foot dandelion cowslip buttercup windflower pansy; do
        mkdir -p "classes/$class" || return 1
        for _ in $(seq 80); do
            number=$((number + 1))
            mv "$(printf 'jpg/image_%04d.jpg' $number)" "classes/$class/" || return 1
        done
    done
    share classes flowers17 40 20
}
