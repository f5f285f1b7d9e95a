/* SPDX-License-Identifier: Apache-2.0 */
/* Times are int64 seconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX). Pure: no clock is read here. */
#ifndef CR_TIME_H
#define CR_TIME_H

#include <stdint.h>

#include "cr_status.h"

#define CR_TIME_TEXT  32 /* room for cr_time_text */
#define CR_TIME_NEVER INT64_MAX

/* RFC 3339 section 5.6 date-time, zone required (Z or +hh:mm), fraction accepted and cut. Second 60 is accepted where
 * RFC 3339 section 5.7 allows it and means the second after. Years 1970 to 9999. Anything else is CR_E_INVALID. */
cr_status cr_time_parse(const char *text, int64_t *out, struct cr_err *err);

/* "2026-11-22T21:18:00Z" into @out, which is returned. CR_TIME_NEVER gives "never". */
const char *cr_time_text(int64_t t, char out[CR_TIME_TEXT]);

/* "90s", "5m", "36h", "30d", "2w", or a bare "0"; one number and one unit. Never negative; at most 100 years. */
cr_status cr_duration_parse(const char *text, int64_t *out, struct cr_err *err);

/* WHEN of the tools: cr_time_parse, or '+' and a duration counted from @now, not beyond the year 9999. A date-time
 * without a zone is refused with
 * the two readings it could have: as UTC, and in the local zone, whose offset east of UTC is @local_offset seconds. */
cr_status cr_when_parse(const char *text, int64_t now, int64_t local_offset, int64_t *out, struct cr_err *err);

/* "in 36 h", "12 days ago": for people; into @out, which is returned. */
const char *cr_time_distance(int64_t t, int64_t now, char out[CR_TIME_TEXT]);

#endif
