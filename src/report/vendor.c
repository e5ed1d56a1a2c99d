/* vendor.c: prefixes of hardware addresses and whose they are, from the IEEE's lists or nmap's. */
#include "nscan/vendor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* Hexadecimal digits of a prefix: 24, 28 or 36 bits. */
enum { DIGITS_L = 6, DIGITS_M = 7, DIGITS_S = 9, MAC_DIGITS = 12 };
enum { MOST_FILES = 4, MOST_FILE_BYTES = 64 << 20, FIRST_SLOTS = 1 << 17, LOCALLY_ADMINISTERED = 2, GROUP_ADDRESS = 1 };

struct entry {
	uint64_t key;    /* prefix and its length; 0: the slot is free */
	uint32_t offset; /* of the name in its file */
	uint32_t file;
};

struct list {
	const char *text;
	size_t bytes;
	bool is_csv;
};

struct vendors {
	const char *ieee_folder;
	const char *nmap_file;
	bool loaded;
	struct list lists[MOST_FILES];
	uint32_t list_count;
	struct entry *slots; /* open addressing, at most half full */
	size_t slot_count;   /* a power of two */
	size_t entry_count;
};

struct vendors *vendors_new(const char *ieee_folder, const char *nmap_file)
{
	struct vendors *vendors = calloc(1, sizeof(*vendors));

	if (vendors) {
		vendors->ieee_folder = ieee_folder ? ieee_folder : "/usr/share/ieee-data";
		vendors->nmap_file = nmap_file ? nmap_file : "/usr/share/nmap/nmap-mac-prefixes";
	}
	return vendors;
}

void vendors_free(struct vendors *vendors)
{
	if (!vendors)
		return;
	for (uint32_t i = 0; i < vendors->list_count; i++)
		munmap((void *)(uintptr_t)vendors->lists[i].text, vendors->lists[i].bytes);
	free(vendors->slots);
	free(vendors);
}

/* Never 0: the length is part of it. */
static uint64_t key_of(uint64_t prefix, int digits)
{
	return prefix << 4 | (uint64_t)digits;
}

static struct entry *find_slot(const struct vendors *vendors, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (vendors->slot_count - 1);

	while (vendors->slots[at].key != 0 && vendors->slots[at].key != key)
		at = (at + 1) & (vendors->slot_count - 1);
	return &vendors->slots[at];
}

static bool grow(struct vendors *vendors)
{
	struct vendors grown = *vendors;

	grown.slot_count = vendors->slot_count ? vendors->slot_count * 2 : FIRST_SLOTS;
	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < vendors->slot_count; i++) {
		if (vendors->slots[i].key)
			*find_slot(&grown, vendors->slots[i].key) = vendors->slots[i];
	}
	free(vendors->slots);
	*vendors = grown;
	return true;
}

/* The first word on a prefix holds. */
static bool add(struct vendors *vendors, uint64_t key, uint32_t offset)
{
	struct entry *entry;

	if (vendors->entry_count * 2 >= vendors->slot_count && !grow(vendors))
		return false;
	entry = find_slot(vendors, key);
	if (entry->key == 0) {
		*entry = (struct entry){key, offset, vendors->list_count - 1};
		vendors->entry_count++;
	}
	return true;
}

/* Digits at the start of the text, at most nine. */
static int read_prefix(const char *at, const char *end, uint64_t *prefix)
{
	int digits = 0;

	*prefix = 0;
	for (; at < end && digits <= DIGITS_S; at++, digits++) {
		int value = *at >= '0' && *at <= '9' ? *at - '0' : *at >= 'A' && *at <= 'F' ? *at - 'A' + 10 : -1;

		if (value < 0)
			break;
		*prefix = *prefix << 4 | (uint64_t)value;
	}
	return digits == DIGITS_L || digits == DIGITS_M || digits == DIGITS_S ? digits : 0;
}

/* "MA-L,002272,American Micro-Fuel Device Corp.,..." or "002272 American Micro-Fuel Device". A line that is neither (a comment,
 * the rest of a quoted field) is passed over. */
static bool take_line(struct vendors *vendors, const struct list *list, const char *line, const char *end)
{
	const char *at = line;
	uint64_t prefix;
	int digits;

	if (list->is_csv) {
		at = memchr(line, ',', (size_t)(end - line));
		if (!at)
			return true;
		at++;
	}
	digits = read_prefix(at, end, &prefix);
	if (digits == 0 || at + digits >= end || at[digits] != (list->is_csv ? ',' : ' '))
		return true;
	return add(vendors, key_of(prefix, digits), (uint32_t)(at + digits + 1 - list->text));
}

static void load_file(struct vendors *vendors, const char *path, bool is_csv)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct list list = {.is_csv = is_csv};
	struct stat status;
	const char *end;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
	    status.st_size <= MOST_FILE_BYTES) {
		void *text = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		list.text = text == MAP_FAILED ? NULL : text;
		list.bytes = (size_t)status.st_size;
	}
	if (fd >= 0)
		close(fd);
	if (!list.text)
		return;
	vendors->lists[vendors->list_count++] = list;
	end = list.text + list.bytes;
	for (const char *line = list.text; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		if (!newline)
			newline = end;
		if (!take_line(vendors, &list, line, newline))
			return; /* memory ran out: the names of the rest stay unknown */
		line = newline + 1;
	}
}

static void load(struct vendors *vendors)
{
	static const char *const files[] = {"oui.csv", "mam.csv", "oui36.csv", "iab.csv"};
	char path[512];

	vendors->loaded = true;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", vendors->ieee_folder, files[i]);

		if (n > 0 && (size_t)n < sizeof(path))
			load_file(vendors, path, true);
	}
	if (vendors->entry_count == 0 && vendors->list_count < MOST_FILES)
		load_file(vendors, vendors->nmap_file, false);
}

/* Copies a character when it prints itself and fits whole; what does not becomes a question mark. Returns the bytes read. */
static size_t copy_character(const char *at, size_t n, char *out, size_t *used)
{
	uint32_t code = 0;
	size_t length = utf8_decode(at, n, &code);

	if (length == 0 || !is_plain_character(code)) {
		out[(*used)++] = '?';
		return length ? length : 1;
	}
	memcpy(out + *used, at, length);
	*used += length;
	return length;
}

/* One field: quoted with "" for a quote inside, as RFC 4180 has it, or up to the comma; a whole line in nmap's list. */
static void copy_name(const struct list *list, uint32_t offset, char out[VENDOR_TEXT_BYTES])
{
	const char *at = list->text + offset, *end = list->text + list->bytes;
	bool quoted = list->is_csv && at < end && *at == '"';
	size_t used = 0;

	at += quoted;
	while (at < end && used < VENDOR_TEXT_BYTES - 4) {
		if (quoted && *at == '"' && (++at >= end || *at != '"'))
			break;
		if (!quoted && (*at == '\n' || *at == '\r' || (list->is_csv && *at == ',')))
			break;
		at += copy_character(at, (size_t)(end - at), out, &used);
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

const char *vendor_name(struct vendors *vendors, const uint8_t mac[MAC_BYTES], char out[VENDOR_TEXT_BYTES])
{
	/* The longest prefix first: a block of 24 bits that is parted further belongs to the registry itself. */
	static const int lengths[] = {DIGITS_S, DIGITS_M, DIGITS_L};
	uint64_t whole = 0;

	if (!vendors || mac[0] & (LOCALLY_ADMINISTERED | GROUP_ADDRESS))
		return NULL;
	if (!vendors->loaded)
		load(vendors);
	for (int i = 0; i < MAC_BYTES; i++)
		whole = whole << 8 | mac[i];
	for (size_t i = 0; vendors->slots && i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct entry *entry =
		        find_slot(vendors, key_of(whole >> 4 * (MAC_DIGITS - lengths[i]), lengths[i]));

		if (entry->key == 0)
			continue;
		copy_name(&vendors->lists[entry->file], entry->offset, out);
		return *out && strcmp(out, "IEEE Registration Authority") != 0 ? out : NULL;
	}
	return NULL;
}
