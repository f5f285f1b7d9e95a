/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_restore.h"

#include <string.h>

#include "roles/role_codec.h"

static cr_status add_revoked(struct role_record *rec, const struct role_record *from, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; from != NULL && i < from->nrevoked && !cr_failed(st); i++)
        st = role_record_add_revoked(rec, from->revoked[i], err);
    return st;
}

/* As written: but for the generation, and who changed it when. */
static cr_status same_but_generation(const struct role_record *a, const struct role_record *b, bool *same,
                                     struct cr_err *err)
{
    struct role_record *copy = NULL;
    struct cr_buf one = {0}, two = {0};
    cr_status st;

    if (cr_failed(st = role_record_dup(b, &copy, err)))
        return st;
    copy->generation = a->generation;
    copy->changed.when = a->changed.when;
    cr_free_str(&copy->changed.who);
    if (!cr_failed(st = cr_strdup(a->changed.who, &copy->changed.who, err)) &&
        !cr_failed(st = role_record_write(a, &one, err)) && !cr_failed(st = role_record_write(copy, &two, err)))
        *same = cr_bytes_equal(cr_buf_bytes(&one), cr_buf_bytes(&two));
    cr_buf_clear(&one);
    cr_buf_clear(&two);
    role_record_unref(&copy);
    return st;
}

static cr_status fits(const struct role_record *now_there, const struct role_record *saved, struct cr_err *err)
{
    if (now_there == NULL)
        return cr_ok();
    if (strcmp(now_there->name, saved->name) != 0)
        return cr_fail(err, CR_E_REFUSED, "role %s: the backup is of role %s", now_there->name, saved->name);
    if (now_there->use != saved->use)
        return cr_fail(err, CR_E_REFUSED, "role %s is for %s here and for %s in the backup", saved->name,
                       role_use_text(now_there->use), role_use_text(saved->use));
    if (now_there->generation >= INT64_MAX || saved->generation >= INT64_MAX)
        return cr_fail(err, CR_E_INTERNAL, "role %s: no generation is left", saved->name);
    return cr_ok();
}

cr_status role_record_restore(struct role_record *now_there, const struct role_record *saved, int64_t now,
                              const char *who, struct role_record **out, bool *changed, struct cr_err *err)
{
    uint64_t least = now_there != NULL ? now_there->generation : 0;
    struct role_record *rec = NULL;
    bool same = false;
    cr_status st;

    if (cr_failed(st = fits(now_there, saved, err)) || cr_failed(st = role_record_dup(saved, &rec, err)))
        return st;
    if (cr_failed(st = add_revoked(rec, now_there, err)) ||
        (now_there != NULL && cr_failed(st = same_but_generation(now_there, rec, &same, err))))
        goto out;
    if (same) {
        *out = role_record_ref(now_there);
    } else {
        rec->generation = (least > saved->generation ? least : saved->generation) + 1;
        rec->changed.when = now;
        cr_free_str(&rec->changed.who);
        if (cr_failed(st = cr_strdup(who, &rec->changed.who, err)))
            goto out;
        *out = rec;
        rec = NULL;
    }
    *changed = !same;
out:
    role_record_unref(&rec);
    return st;
}
