/* SPDX-License-Identifier: Apache-2.0 */
/* What all pages of the wizard stand in: a window with a text on top, buttons below, room between, and the keys, the
 * resizes and the signals that end it. Between wizard_ui.c and newt alone. */
#ifndef WIZARD_FRAME_H
#define WIZARD_FRAME_H

#include <newt.h>

#include "wizard_ui.h"

struct wizard_frame {
    struct wizard_ui *ui;
    int width, height, body_top, body; /* of the window's inside; where the body starts, its lines */
    newtComponent form, go, other, back, leave;
};

/* What a page returns besides enum wizard_event, and nobody else sees. */
enum { WIZARD_RESIZED = 100, WIZARD_NOTHING };

/* Opens a window with room for @wanted lines, or as many as there are. @intro: page->text stands above them, if it leaves
 * room; else it is the body's. WIZARD_NOTHING, or the event that came instead of a window. */
int wizard_frame_open(struct wizard_ui *ui, const struct wizard_page *page, bool intro, int wanted,
                      struct wizard_frame *f);
/* Adds the buttons; the cursor is on @first (may be NULL). An event. */
int wizard_frame_run(struct wizard_frame *f, newtComponent first);
void wizard_frame_close(struct wizard_frame *f);
/* After WIZARD_RESIZED and wizard_frame_close: slang keeps the size it began with until told; newt alone does not draw
 * beyond it. */
void wizard_frame_resized(void);
/* Of the inside of a window on a screen of @cols columns. */
int wizard_frame_width(int cols);

/* @text as it may be shown, held by @out (newt wants it changeable); wizard_lines: in lines of @width. */
char *wizard_shown(struct wizard_ui *ui, const char *text, struct cr_buf *out);
char *wizard_lines(struct wizard_ui *ui, const char *text, int width, struct cr_buf *out);
int wizard_lines_count(const char *text);

#endif
