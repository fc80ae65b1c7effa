/*
 * admin/maildir.h: what stands in the names and side files of a Maildir, as Dovecot and Courier write them.
 *
 * Does     file names (base, size, flags, keyword letters), dovecot-uidlist, dovecot-keywords, Maildir++ folder names.
 *          Pure functions: nothing is opened here.
 * Tested   tests/unit/admin_maildir.c, tests/e2e/test_cli.py
 */
#ifndef ADMIN_MAILDIR_H
#define ADMIN_MAILDIR_H

#include "base/buffer.h"

enum { MAILDIR_KEYWORDS = 26 };

struct maildir_name {
    struct view base;  /* what dovecot-uidlist knows it by */
    uint8_t flags;     /* enum message_flag */
    bool passed;       /* 'P': $Forwarded */
    uint32_t keywords; /* bit n: letter 'a' + n */
};
/* False: no message (a dot file). */
bool maildir_name_read(struct view file, struct maildir_name *name_r);
/* ":2,FS..." for a name. */
void maildir_flags_write(uint8_t flags, bool passed, uint32_t keywords, struct buffer *out);

struct uidlist_header {
    uint32_t uidvalidity, uidnext;
    int version; /* 1 or 3 */
};
bool uidlist_header_read(struct view line, struct uidlist_header *header_r);
struct uidlist_row {
    uint32_t uid;
    struct view base, uidl;
};
bool uidlist_row_read(int version, struct view line, struct uidlist_row *row_r);
/*
 * A row of courierpop3dsizelist (not its first line, "/VERSION ..."): the file's name and size, and from version 1 on
 * its number, from 2 on with a UIDVALIDITY. uidl_r is what Courier shows; it is written into text.
 */
bool courier_row_read(struct view line, struct buffer *text, struct view *base_r, struct view *uidl_r);
/* "0 $Junk" */
bool keyword_row_read(struct view line, unsigned *number_r, struct view *name_r);

/* ".Lists.waxwing" to "Lists/waxwing", in UTF-8 (modified UTF-7 is decoded; UTF-8 stays). False: no folder of mail. */
bool maildir_folder_read(struct view folder, struct buffer *name);
/* The way back: "Lists/waxwing" to ".Lists.waxwing". A '.' in a level becomes '_' (Maildir++ has no way to say it). */
void maildir_folder_write(struct view name, struct buffer *folder);
/* RFC 9051 A.1. decode is false for what is not canonical; then it appends nothing. */
bool utf7_decode(struct view text, struct buffer *utf8);
void utf7_encode(struct view utf8, struct buffer *text);

#endif
