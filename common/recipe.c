#include "common/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

enum { WORD_SIZE = 160 };

/* A value as a person writes it: strings bare, hashes by their beginning, "absent" for NULL. */
static lc_status write_word(char word[static WORD_SIZE], const lc_json *value)
{
    char *text;
    if (!value) {
        snprintf(word, WORD_SIZE, "absent");
        return LC_OK;
    }
    LC_TRY(lc_json_text(value, 0, &text));
    size_t size = strlen(text);
    bool quoted = text[0] == '"';
    int shown = (int)size - 2 * quoted;
    const char *more = "";
    if (quoted && shown == 64) {
        shown = 12;
        more = "...";
    }
    snprintf(word, WORD_SIZE, "%.*s%s", shown, text + quoted, more);
    free(text);
    return LC_OK;
}

typedef struct {
    const char *ours, *theirs;
    char text[768];
    size_t size;
} difference;

/* Adds "; key a (ours), b (theirs)" unless the values agree. */
static lc_status compare(difference *d, const char *key, const lc_json *our_value, const lc_json *their_value)
{
    char ours[WORD_SIZE], theirs[WORD_SIZE];
    LC_TRY(write_word(ours, our_value));
    LC_TRY(write_word(theirs, their_value));
    if (strcmp(ours, theirs) != 0 && d->size < sizeof d->text) {
        d->size += (size_t)snprintf(d->text + d->size, sizeof d->text - d->size, "%s%s %s (%s), %s (%s)",
                                    d->size ? "; " : "", key, ours, d->ours, theirs, d->theirs);
    }
    return LC_OK;
}

static lc_status parse(lc_json **out, const char *text, const char *whose)
{
    return lc_json_parse(out, text, strlen(text)) == LC_OK ? LC_OK : lc_fail_in(LC_ERR_STALE, "recipe of %s", whose);
}

lc_status lc_recipe_check(const char *our_text, const char *ours, const char *their_text, const char *theirs)
{
    if (strcmp(our_text, their_text) == 0) {
        return LC_OK;
    }
    lc_json *our_recipe = NULL, *their_recipe = NULL;
    difference d = {.ours = ours, .theirs = theirs};
    const char *key;
    const lc_json *value;
    lc_status status = parse(&our_recipe, our_text, ours);
    if (status == LC_OK) {
        status = parse(&their_recipe, their_text, theirs);
    }
    for (size_t i = 0; status == LC_OK && (key = lc_json_key_at(our_recipe, i, &value)); i++) {
        status = compare(&d, key, value, lc_json_get(their_recipe, key));
    }
    for (size_t i = 0; status == LC_OK && (key = lc_json_key_at(their_recipe, i, &value)); i++) {
        if (!lc_json_get(our_recipe, key)) {
            status = compare(&d, key, NULL, value);
        }
    }
    if (status == LC_OK) {
        status = lc_fail(LC_ERR_STALE, "recipe differs: %s", d.size ? d.text : "the same words in another spelling");
    }
    lc_json_free(our_recipe);
    lc_json_free(their_recipe);
    return status;
}
