/*
 * admin/import.c: a Maildir or an mbox file read on this side, and sent to mail as parcels.
 *
 * Does     finds the folders, reads flags, keywords, UIDs, dates and subscriptions where the source has them, shows how
 *          far it is. Files are read by whoever runs the command, not by the server.
 * Fails    a file that can't be read is named and left out; the rest goes on.
 * Tested   tests/e2e/test_cli.py
 */
#include "admin/cli.h"
#include "admin/maildir.h"
#include "admin/mbox.h"
#include "admin/parcel.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { FOLDERS = 100000, PROGRESS_EACH = 100 };

struct import_source {
    struct cli *cli;
    struct wire wire;
    struct buffer parcel;
    uint64_t messages, octets, total, left_out;
    bool gone, exited; /* exited: mail gave its code before we had sent all */
    int code;
};

/* ---- sending ---- */

static void send_parcel(struct import_source *s, const struct parcel *parcel)
{
    if (s->gone)
        return;
    buffer_clear(&s->parcel);
    parcel_write(parcel, &s->parcel);
    struct ipc_control_input input = {buffer_view(&s->parcel)};
    s->gone = !wire_send(&s->wire, IPC_CONTROL_INPUT, &input, -1);
}

static void show_progress(const struct import_source *s, bool last)
{
    enum { BAR = 30 };
    if (!isatty(STDERR_FILENO) || (!last && s->messages % PROGRESS_EACH))
        return;
    int full = s->total ? (int)(s->messages * BAR / s->total) : BAR;
    full = full > BAR ? BAR : full;
    fprintf(stderr, "\r[%.*s%*s] %llu of %llu messages, %llu MiB", full, "##############################", BAR - full,
            "", (unsigned long long)s->messages, (unsigned long long)s->total, (unsigned long long)(s->octets >> 20));
    if (last)
        fputc('\n', stderr);
}

static void send_octets(struct import_source *s, struct view octets)
{
    s->octets += octets.size;
    while (octets.size && !s->gone) {
        struct parcel piece = {.kind = PARCEL_OCTETS, .octets = view_slice(octets, 0, PARCEL_PIECE)};
        send_parcel(s, &piece);
        octets = view_skip(octets, piece.octets.size);
    }
    struct parcel end = {.kind = PARCEL_END};
    send_parcel(s, &end);
    s->messages++;
    show_progress(s, false);
}

/*
 * What mail says while we send must be taken, or both sides wait for the other to read. Its complaints are shown at
 * once; credit needs no answer, for the socket itself slows us down.
 */
static void hear(void *ctx, enum ipc_type type, const void *body)
{
    struct import_source *s = ctx;
    const struct ipc_control_output *output = body;
    if (type == IPC_CONTROL_OUTPUT && output->stream == 2)
        fprintf(stderr, "%.*s", VIEW_PRINTF(output->octets));
    if (type == IPC_CONTROL_EXIT) {
        s->code = (int)((const struct ipc_control_exit *)body)->code;
        s->exited = s->gone = true;
    }
}

static bool begin(struct cli *cli, struct import_source *s)
{
    char account[24];
    const char *words[1] = {account};
    uint64_t number = control_account(cli, cli->words[0]);
    size_t options = cli->option_count;
    if (!number || !control_connect(cli, PART_MAIL, &s->wire))
        return false;
    s->cli = cli;
    snprintf(account, sizeof account, "%llu", (unsigned long long)number);
    cli->option_count = 0;
    bool sent = control_run(cli, &s->wire, "import", words, 1);
    cli->option_count = options;
    s->wire.meanwhile = hear;
    s->wire.ctx = s;
    return sent;
}

static int finish(struct import_source *s)
{
    show_progress(s, true);
    if (!s->exited)
        wire_send(&s->wire, IPC_CONTROL_INPUT_END, NULL, -1);
    int code = s->exited ? s->code : control_finish(s->cli, &s->wire, NULL, NULL);
    wire_close(&s->wire);
    buffer_free(&s->parcel);
    if (code == EX_OK && s->left_out) {
        cli_fail(0, "%llu files could not be read", (unsigned long long)s->left_out);
        code = EX_NOINPUT;
    }
    return code;
}

/* folder/name, or false if that is longer than a path can be. */
static bool join(char *path, size_t size, const char *folder, const char *name)
{
    int n = snprintf(path, size, "%s/%s", folder, name);
    return n > 0 && (size_t)n < size;
}

/* A whole small file; false if there is none. */
static bool read_small(const char *folder, const char *name, struct buffer *text)
{
    char path[8192], piece[65536];
    int fd = !join(path, sizeof path, folder, name) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    if (fd < 0)
        return false;
    buffer_clear(text);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buffer_append(text, piece, (size_t)n);
    close(fd);
    return n == 0;
}

static bool next_line(struct view *rest, struct view *line_r)
{
    if (!rest->size)
        return false;
    size_t end = view_find(*rest, '\n', 0);
    *line_r = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return true;
}

/* ---- a Maildir ---- */

struct mail_file {
    char *path;
    struct maildir_name name; /* views into path */
    uint32_t uid;
    char *uidl;
    int64_t mtime_s;
};
struct mail_folder {
    struct mail_file *files;
    size_t count, room;
    char *keywords[MAILDIR_KEYWORDS];
    uint32_t uidvalidity, uidnext;
};

static void add_file(struct mail_folder *f, const char *folder, const char *sub, const char *name)
{
    char inner[8192], path[8192];
    struct stat st;
    if (!join(inner, sizeof inner, folder, sub) || !join(path, sizeof path, inner, name) || stat(path, &st) < 0 ||
        !S_ISREG(st.st_mode))
        return;
    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 256;
        f->files = memory_resize(f->files, f->room * sizeof *f->files);
    }
    struct mail_file *file = &f->files[f->count];
    *file = (struct mail_file){.path = memory_string(path), .mtime_s = st.st_mtime};
    const char *base = strrchr(file->path, '/') + 1;
    if (!maildir_name_read(view_of_string(base), &file->name)) {
        free(file->path);
        return;
    }
    f->count++;
}

static void list_files(struct mail_folder *f, const char *folder, const char *sub)
{
    char path[8192];
    DIR *directory = join(path, sizeof path, folder, sub) ? opendir(path) : NULL;
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        add_file(f, folder, sub, entry->d_name);
    closedir(directory);
}

static int by_base(const void *a, const void *b)
{
    return view_compare(((const struct mail_file *)a)->name.base, ((const struct mail_file *)b)->name.base);
}

/* Those with a UID first and by it; others as they came. */
static int by_uid(const void *a, const void *b)
{
    const struct mail_file *x = a, *y = b;
    uint32_t left = x->uid ? x->uid : UINT32_MAX, right = y->uid ? y->uid : UINT32_MAX;
    if (left != right)
        return left < right ? -1 : 1;
    if (x->mtime_s != y->mtime_s)
        return x->mtime_s < y->mtime_s ? -1 : 1;
    return by_base(a, b);
}

static void read_uidlist(struct mail_folder *f, const char *folder)
{
    struct buffer text = {0};
    struct uidlist_header header;
    struct uidlist_row row;
    struct view rest, line;
    if (read_small(folder, "dovecot-uidlist", &text)) {
        rest = buffer_view(&text);
        if (next_line(&rest, &line) && uidlist_header_read(line, &header)) {
            f->uidvalidity = header.uidvalidity;
            f->uidnext = header.uidnext;
            while (next_line(&rest, &line)) {
                if (!uidlist_row_read(header.version, line, &row))
                    continue;
                struct mail_file wanted = {.name = {.base = row.base}};
                struct mail_file *file =
                    f->count ? bsearch(&wanted, f->files, f->count, sizeof *f->files, by_base) : NULL;
                if (!file)
                    continue;
                file->uid = row.uid;
                file->uidl = row.uidl.size ? memory_copy(row.uidl.data, row.uidl.size) : NULL;
            }
        }
    }
    buffer_free(&text);
}

/* What Courier's POP3 showed; a P in dovecot-uidlist is newer and stands. */
static void read_courier_uidls(struct mail_folder *f, const char *folder)
{
    struct buffer text = {0}, uidl_text = {0};
    struct view rest, line, uidl;
    struct mail_file wanted = {0};
    if (read_small(folder, "courierpop3dsizelist", &text)) {
        rest = buffer_view(&text);
        while (next_line(&rest, &line)) {
            if (!courier_row_read(line, &uidl_text, &wanted.name.base, &uidl))
                continue;
            struct mail_file *file = f->count ? bsearch(&wanted, f->files, f->count, sizeof *f->files, by_base) : NULL;
            if (file && !file->uidl)
                file->uidl = memory_copy(uidl.data, uidl.size);
        }
    }
    buffer_free(&text);
    buffer_free(&uidl_text);
}

static void read_keywords(struct mail_folder *f, const char *folder)
{
    struct buffer text = {0};
    struct view rest, line, name;
    unsigned number;
    if (read_small(folder, "dovecot-keywords", &text)) {
        rest = buffer_view(&text);
        while (next_line(&rest, &line))
            if (keyword_row_read(line, &number, &name) && number < MAILDIR_KEYWORDS && !f->keywords[number])
                f->keywords[number] = memory_copy(name.data, name.size);
    }
    buffer_free(&text);
}

static void read_folder(struct mail_folder *f, const char *folder)
{
    *f = (struct mail_folder){0};
    list_files(f, folder, "cur");
    list_files(f, folder, "new");
    if (f->count)
        qsort(f->files, f->count, sizeof *f->files, by_base);
    read_uidlist(f, folder);
    read_courier_uidls(f, folder);
    read_keywords(f, folder);
    if (f->count)
        qsort(f->files, f->count, sizeof *f->files, by_uid);
}

static void free_folder(struct mail_folder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->files[i].path);
        free(f->files[i].uidl);
    }
    for (size_t i = 0; i < MAILDIR_KEYWORDS; i++)
        free(f->keywords[i]);
    free(f->files);
}

static void send_file(struct import_source *s, const struct mail_folder *f, const struct mail_file *file)
{
    struct stat st;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map == MAP_FAILED) {
        cli_fail(0, "%s can't be read: %s", file->path, fd >= 0 && !errno ? "it is empty" : strerror(errno));
        s->left_out++;
        return;
    }
    struct parcel parcel = {.kind = PARCEL_MESSAGE,
                            .uid = file->uid,
                            .flags = file->name.flags,
                            .date_utc_s = file->mtime_s,
                            .octet_count = (uint64_t)st.st_size,
                            .uidl = file->uidl ? view_of_string(file->uidl) : VIEW_EMPTY};
    for (unsigned i = 0; i < MAILDIR_KEYWORDS; i++)
        if ((file->name.keywords & ((uint32_t)1 << i)) && f->keywords[i])
            parcel.keywords[parcel.keyword_count++] = view_of_string(f->keywords[i]);
    if (file->name.passed)
        parcel.keywords[parcel.keyword_count++] = VIEW_LITERAL("$Forwarded");
    send_parcel(s, &parcel);
    send_octets(s, view_of(map, (size_t)st.st_size));
    munmap(map, (size_t)st.st_size);
}

static void send_folder(struct import_source *s, const char *folder, struct view name)
{
    struct mail_folder f;
    read_folder(&f, folder);
    struct parcel parcel = {.kind = PARCEL_MAILBOX, .name = name, .uidvalidity = f.uidvalidity, .uidnext = f.uidnext};
    send_parcel(s, &parcel);
    for (size_t i = 0; i < f.count && !s->gone; i++)
        send_file(s, &f, &f.files[i]);
    free_folder(&f);
}

static bool is_maildir(const char *folder)
{
    char path[8192];
    struct stat st;
    return join(path, sizeof path, folder, "cur") && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static uint64_t count_files(const char *folder)
{
    struct mail_folder f = {0};
    list_files(&f, folder, "cur");
    list_files(&f, folder, "new");
    uint64_t count = f.count;
    free_folder(&f);
    return count;
}

struct names {
    char **list;
    size_t count, room;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sub-folders of Maildir++: ".A.B". */
static void list_folders(const char *root, struct names *names)
{
    DIR *directory = opendir(root);
    for (struct dirent *entry; directory && (entry = readdir(directory)) && names->count < FOLDERS;) {
        char path[8192];
        struct buffer name = {0};
        snprintf(path, sizeof path, "%s/%s", root, entry->d_name);
        bool wanted =
            entry->d_name[0] == '.' && maildir_folder_read(view_of_string(entry->d_name), &name) && is_maildir(path);
        buffer_free(&name);
        if (!wanted)
            continue;
        if (names->count == names->room) {
            names->room = names->room ? names->room * 2 : 16;
            names->list = memory_resize(names->list, names->room * sizeof *names->list);
        }
        names->list[names->count++] = memory_string(entry->d_name);
    }
    if (directory)
        closedir(directory);
    if (names->count)
        qsort(names->list, names->count, sizeof *names->list, by_text);
}

/* Dovecot writes "subscriptions", with a version line or without; Courier "courierimapsubscribed". */
static void send_subscriptions(struct import_source *s, const char *root)
{
    struct buffer text = {0}, name = {0}, folder = {0};
    struct view rest, line;
    bool courier = !read_small(root, "subscriptions", &text) && read_small(root, "courierimapsubscribed", &text);
    rest = buffer_view(&text);
    bool tabs = view_starts_with(rest, VIEW_LITERAL("V\t"));
    while (next_line(&rest, &line) && !s->gone) {
        if (!line.size || view_starts_with(line, VIEW_LITERAL("V\t")))
            continue;
        if (courier && view_starts_with(line, VIEW_LITERAL("INBOX.")))
            line = view_skip(line, 6);
        buffer_clear(&name);
        buffer_clear(&folder);
        buffer_append_char(&folder, '.');
        buffer_append_view(&folder, line);
        for (size_t i = 0; tabs && i < buffer_size(&folder); i++)
            if (folder.memory[folder.start + i] == '\t')
                folder.memory[folder.start + i] = '.';
        struct parcel parcel = {.kind = PARCEL_SUBSCRIBED, .name = line};
        if (maildir_folder_read(buffer_view(&folder), &name))
            parcel.name = buffer_view(&name);
        send_parcel(s, &parcel);
    }
    buffer_free(&text);
    buffer_free(&name);
    buffer_free(&folder);
}

int import_maildir(struct cli *cli)
{
    struct import_source s = {0};
    struct names names = {0};
    struct buffer name = {0};
    const char *root = cli->words[1], *into = cli_option(cli, "mailbox");
    char path[8192];
    if (!is_maildir(root))
        return cli_fail(EX_NOINPUT, "%s is no Maildir: it has no folder \"cur\"", root);
    if (!begin(cli, &s))
        return EX_UNAVAILABLE;
    list_folders(root, &names);
    s.total = count_files(root);
    for (size_t i = 0; i < names.count && !into; i++) {
        if (join(path, sizeof path, root, names.list[i]))
            s.total += count_files(path);
    }
    send_folder(&s, root, into ? view_of_string(into) : VIEW_LITERAL("INBOX"));
    for (size_t i = 0; i < names.count && !into && !s.gone; i++) {
        buffer_clear(&name);
        if (join(path, sizeof path, root, names.list[i]) && maildir_folder_read(view_of_string(names.list[i]), &name))
            send_folder(&s, path, buffer_view(&name));
    }
    if (!into)
        send_subscriptions(&s, root);
    for (size_t i = 0; i < names.count; i++)
        free(names.list[i]);
    free(names.list);
    buffer_free(&name);
    return finish(&s);
}

/* ---- an mbox ---- */

static void send_mbox(struct import_source *s, struct view file)
{
    struct mbox_message message;
    struct buffer octets = {0};
    size_t at = 0;
    while (mbox_next(file, &at, &message) && !s->gone) {
        struct mbox_facts facts = {0};
        buffer_clear(&octets);
        mbox_unpack(&message, &octets, &facts);
        if (facts.is_internal)
            continue;
        struct parcel parcel = {.kind = PARCEL_MESSAGE,
                                .uid = facts.uid,
                                .flags = facts.flags,
                                .date_utc_s = message.date_utc_s,
                                .octet_count = buffer_size(&octets),
                                .keyword_count = facts.keyword_count};
        memcpy(parcel.keywords, facts.keywords, facts.keyword_count * sizeof *facts.keywords);
        send_parcel(s, &parcel);
        send_octets(s, buffer_view(&octets));
    }
    buffer_free(&octets);
}

int import_mbox(struct cli *cli)
{
    struct import_source s = {0};
    struct stat st;
    const char *into = cli_option(cli, "mailbox");
    int fd = open(cli->words[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return cli_fail(EX_NOINPUT, "%s can't be read: %s", cli->words[1], fd < 0 ? strerror(errno) : "no file");
    struct view file = VIEW_EMPTY;
    if (st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
            return cli_fail(EX_NOINPUT, "%s can't be read: %s", cli->words[1], strerror(errno));
        file = view_of(map, (size_t)st.st_size);
    }
    close(fd);
    if (!begin(cli, &s))
        return EX_UNAVAILABLE;
    struct mbox_message message;
    for (size_t at = 0; mbox_next(file, &at, &message);)
        s.total++;
    struct parcel parcel = {.kind = PARCEL_MAILBOX, .name = into ? view_of_string(into) : VIEW_LITERAL("INBOX")};
    send_parcel(&s, &parcel);
    send_mbox(&s, file);
    return finish(&s);
}
