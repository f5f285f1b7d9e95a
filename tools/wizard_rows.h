/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the wizard: a line for each task, role and certificate, a head above, more about the chosen one below. @arg is
 * the struct wizard_state; the functions are those of struct wizard_list. */
#ifndef WIZARD_ROWS_H
#define WIZARD_ROWS_H

#include "wizard_state.h"

#define WIZARD_TASKS 3

cr_status wizard_task_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);
cr_status wizard_task_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);

/* Behind the roles: a new one, then none. */
cr_status wizard_role_head(void *arg, size_t width, struct cr_buf *out, struct cr_err *err);
cr_status wizard_role_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);
cr_status wizard_role_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);

cr_status wizard_cert_head(void *arg, size_t width, struct cr_buf *out, struct cr_err *err);
cr_status wizard_cert_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);
cr_status wizard_cert_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);

#endif
