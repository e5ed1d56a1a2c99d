/* capture_file.c: opens a capture, keeps the buffer, tells the two formats apart. */
#include "nscan/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_reading.h"

enum { LINKTYPE_RAW = 101, OPENBSD_DLT_RAW = 14, HOST_DLT_RAW = 12 };
#define SECOND_NS INT64_C(1000000000)

int capture_dlt(uint32_t link_type)
{
	if (link_type == LINKTYPE_RAW || link_type == OPENBSD_DLT_RAW)
		return HOST_DLT_RAW;
	return (int)link_type;
}

enum capture_found capture_end(struct capture_file *file, enum capture_found how, const char *format, ...)
{
	char text[sizeof(file->why.text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	file->ended = how;
	if (how != CAPTURE_END)
		err_set(&file->why, ERR_SYSTEM, "%.120s: %.190s", file->name, text);
	return how;
}

enum capture_found capture_end_have(struct capture_file *file, enum capture_have have)
{
	switch (have) {
	case HAVE_END:
		return capture_end(file, CAPTURE_END, "whole");
	case HAVE_SIGNAL:
		return CAPTURE_INTERRUPTED;
	case HAVE_CUT:
		return capture_end(file, CAPTURE_CUT, "ends in the middle of a packet (after %llu bytes, %llu packets)",
		                   (unsigned long long)file->offset, (unsigned long long)file->counters.packets);
	default:
		return capture_end(file, CAPTURE_BROKEN, "reading failed after %llu bytes: %s",
		                   (unsigned long long)file->offset, strerror(errno));
	}
}

/* One read into the free end of the buffer. */
static enum capture_have read_some(struct capture_file *file)
{
	ssize_t n = read(file->fd, file->buffer + file->end, CAPTURE_BUFFER_BYTES - file->end);

	if (n > 0) {
		file->end += (size_t)n;
		return HAVE_IT;
	}
	if (n == 0) {
		file->at_end = true;
		return HAVE_END;
	}
	if (errno == EINTR)
		return HAVE_SIGNAL;
	if (errno == EAGAIN) { /* standard input that somebody made non-blocking */
		struct pollfd in = {.fd = file->fd, .events = POLLIN};

		return poll(&in, 1, -1) < 0 ? HAVE_SIGNAL : HAVE_IT;
	}
	return HAVE_ERROR;
}

/* What is not read yet goes to the front, once in a buffer's length. */
static void make_room(struct capture_file *file)
{
	memmove(file->buffer, file->buffer + file->start, file->end - file->start);
	file->end -= file->start;
	file->start = 0;
}

enum capture_have capture_fill(struct capture_file *file, size_t n)
{
	while (file->end - file->start < n) {
		enum capture_have have;

		if (file->fd < 0 || file->at_end)
			return file->end == file->start ? HAVE_END : HAVE_CUT;
		if (file->start + n > CAPTURE_BUFFER_BYTES || file->start == file->end)
			make_room(file);
		have = read_some(file);
		if (have == HAVE_ERROR || have == HAVE_SIGNAL)
			return have;
	}
	return HAVE_IT;
}

/* What people hand over by mistake, by its first bytes. */
static const struct {
	const char *start;
	size_t bytes;
	const char *what;
} strangers[] = {
        {"\x1f\x8b", 2, "is gzip-compressed: zcat FILE | nscan -r -"},
        {"\xfd"
         "7zXZ",
         5, "is xz-compressed: xzcat FILE | nscan -r -"},
        {"\x28\xb5\x2f\xfd", 4, "is zstd-compressed: zstdcat FILE | nscan -r -"},
        {"BZh", 3, "is bzip2-compressed: bzcat FILE | nscan -r -"},
        {"snoop\0", 6, "is a snoop capture: editcap -F pcapng makes it readable"},
};

static bool not_a_capture(const struct capture_file *file, struct err *err)
{
	size_t have = file->end - file->start;

	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		if (have >= strangers[i].bytes && memcmp(capture_at(file), strangers[i].start, strangers[i].bytes) == 0)
			return err_set(err, ERR_SYSTEM, "%.200s: %s", file->name, strangers[i].what);
	}
	if (have == 0)
		return err_set(err, ERR_SYSTEM, "%.200s: is empty; a pcap or pcapng capture is wanted", file->name);
	return err_set(err, ERR_SYSTEM, "%.200s: is not a capture (neither pcap nor pcapng)", file->name);
}

/* The header, whatever signals come: nobody has anything to do yet. */
static bool begin(struct capture_file *file)
{
	struct err *err = &file->why;
	enum capture_have have;

	do
		have = capture_want(file, 4);
	while (have == HAVE_SIGNAL);
	if (have == HAVE_ERROR)
		return err_set(err, ERR_SYSTEM, "%.200s: cannot be read: %s", file->name, strerror(errno));
	if (have == HAVE_IT && (pcap_begin(file, err) || (err->code == ERR_NONE && pcapng_begin(file, err))))
		return true;
	return err->code != ERR_NONE ? false : not_a_capture(file, err);
}

static struct capture_file *create(const char *name, struct err *err)
{
	struct capture_file *file = calloc(1, sizeof(*file));

	if (file)
		file->name = strdup(name);
	if (file && file->name) {
		file->fd = -1;
		return file;
	}
	free(file);
	err_set(err, ERR_SYSTEM, "out of memory while opening %.200s", name);
	return NULL;
}

static bool open_path(struct capture_file *file, const char *path)
{
	struct err *err = &file->why;
	struct stat about;

	file->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &about) != 0)
		return err_set(err, ERR_SYSTEM, "%.200s: cannot be opened: %s", file->name, strerror(errno));
	if (S_ISDIR(about.st_mode))
		return err_set(err, ERR_SYSTEM, "%.200s: is a directory; give the captures in it one by one",
		               file->name);
	file->regular = S_ISREG(about.st_mode);
	if (file->regular)
		posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	file->buffer = malloc(CAPTURE_BUFFER_BYTES);
	if (!file->buffer)
		return err_set(err, ERR_SYSTEM, "out of memory while opening %.200s", file->name);
	return true;
}

static struct capture_file *give_up(struct capture_file *file, struct err *err)
{
	if (err)
		*err = file->why;
	capture_file_close(file);
	return NULL;
}

struct capture_file *capture_file_open(const char *path, struct err *err)
{
	struct capture_file *file = create(strcmp(path, "-") == 0 ? "standard input" : path, err);

	if (!file)
		return NULL;
	return open_path(file, path) && begin(file) ? file : give_up(file, err);
}

struct capture_file *capture_file_open_bytes(const char *name, const uint8_t *bytes, size_t n, struct err *err)
{
	struct capture_file *file = create(name, err);

	if (!file)
		return NULL;
	/* Only ever read from: with fd -1 nothing is moved or filled. */
	memcpy(&file->buffer, &bytes, sizeof(file->buffer));
	file->borrowed = true;
	file->end = n;
	return begin(file) ? file : give_up(file, err);
}

void capture_file_close(struct capture_file *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	if (!file->borrowed)
		free(file->buffer);
	free(file->interfaces);
	free(file->first_comments);
	free(file->name);
	free(file);
}

enum capture_found capture_file_next(struct capture_file *file, struct captured_packet *packet, struct err *err)
{
	enum capture_found found = file->ended;

	if (found == CAPTURE_PACKET)
		found = file->next(file, packet, err);
	if (found == CAPTURE_PACKET)
		file->counters.packets++;
	else if (file->ended != CAPTURE_PACKET && err)
		*err = file->why;
	return found;
}

void capture_file_want_blocks(struct capture_file *file, bool want)
{
	file->want_blocks = want;
}

const struct capture_block *capture_file_block(const struct capture_file *file)
{
	return &file->block;
}

const char *capture_file_comment(const struct capture_file *file, size_t n, size_t *bytes)
{
	const char *at = file->first_comments;

	if (n >= file->comment_count)
		return NULL;
	for (size_t i = 0; i < n; i++)
		at += file->comment_bytes[i];
	*bytes = file->comment_bytes[n];
	return at;
}

/* Takes in what has arrived meanwhile, without waiting for more. */
static void read_what_is_there(struct capture_file *file)
{
	struct pollfd in = {.fd = file->fd, .events = POLLIN};

	if (file->fd < 0 || file->at_end || poll(&in, 1, 0) <= 0)
		return;
	if (file->start > CAPTURE_BUFFER_BYTES / 2 || file->start == file->end)
		make_room(file);
	if (file->end < CAPTURE_BUFFER_BYTES)
		read_some(file);
}

static bool is_ready(struct capture_file *file)
{
	if (file->ended != CAPTURE_PACKET || file->fd < 0 || file->at_end || file->regular)
		return true;
	return file->next == NULL || (file->record_header_bytes ? pcap_ready(file) : pcapng_ready(file));
}

bool capture_file_ready(struct capture_file *file)
{
	if (is_ready(file))
		return true;
	read_what_is_there(file);
	return is_ready(file);
}

bool capture_file_wait(struct capture_file *file, int64_t timeout_ns, const sigset_t *mask)
{
	struct timespec timeout = {.tv_sec = timeout_ns / SECOND_NS, .tv_nsec = timeout_ns % SECOND_NS};
	struct pollfd in = {.fd = file->fd, .events = POLLIN};

	if (file->fd < 0 || file->at_end)
		return true;
	return ppoll(&in, 1, timeout_ns < 0 ? NULL : &timeout, mask) >= 0;
}

void capture_file_counters(const struct capture_file *file, struct capture_file_counters *out)
{
	*out = file->counters;
	out->bytes = file->offset;
	for (size_t i = 0; i < file->interface_count; i++)
		out->dropped += file->interfaces[i].dropped;
}

const char *capture_file_interface(const struct capture_file *file, uint32_t number)
{
	return number < file->interface_count ? file->interfaces[number].name : "";
}

const char *capture_file_name(const struct capture_file *file)
{
	return file->name;
}
