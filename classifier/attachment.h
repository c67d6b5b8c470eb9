/*
 * The attachment in a classifier file: /attachment/bytes (n) uint8, with attributes name and sha256 of the group. Its
 * meaning is the caller's; lc_classifier_attach and lc_classifier_attachment are in classifier.h.
 */
#ifndef LC_CLASSIFIER_ATTACHMENT_H
#define LC_CLASSIFIER_ATTACHMENT_H

#include "classifier/trained.h"
#include "common/h5.h"

/* Nothing where there is none. */
LC_CHECKED lc_status lc_attachment_save(const lc_classifier *classifier, lc_h5 *file);
/* Its name, hash and size; LC_ERR_STALE where they are not right. */
LC_CHECKED lc_status lc_attachment_load(lc_classifier *classifier, lc_h5 *file);

#endif
