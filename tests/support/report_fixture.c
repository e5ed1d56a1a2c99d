/* report_fixture.c: events, a scan's beginning and its end as the tests of the reports need them. */
#include "support/report_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct addr fixture_addr(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static struct event event_of(uint64_t ordinal, enum event_kind kind)
{
	struct event event = {.kind = kind, .at_ns = FIXTURE_START_NS + 2000000000, .ordinal = ordinal};

	event.addr = addr_from_v4(UINT32_C(0xc0a80064) + (uint32_t)ordinal);
	return event;
}

struct event event_up(uint64_t ordinal)
{
	struct event event = event_of(ordinal, EVENT_HOST);

	event.at_ns = FIXTURE_START_NS + 1000000000;
	event.u.host = (struct host_event){
	        .state = HOST_UP,
	        .reason = "arp-reply",
	        .has_rtt = true,
	        .rtt_ns = 112300,
	        .has_mac = true,
	        .mac = {0x02, 0x42, 0xc0, 0xa8, 0x00, (uint8_t)(100 + ordinal)},
	};
	return event;
}

struct event event_down(uint64_t ordinal, const char *reason, const char *from)
{
	struct event event = event_of(ordinal, EVENT_HOST);

	event.u.host = (struct host_event){.state = HOST_DOWN, .reason = reason};
	if (from)
		event.u.host.from = fixture_addr(from);
	return event;
}

struct event event_unknown(uint64_t ordinal)
{
	struct event event = event_of(ordinal, EVENT_HOST);

	event.u.host = (struct host_event){.state = HOST_UNKNOWN, .reason = "unresolved"};
	return event;
}

struct event event_port(uint64_t ordinal, uint16_t port, enum port_state state, const char *reason)
{
	struct event event = event_of(ordinal, EVENT_PORT);

	event.u.port = (struct port_event){.port = port, .state = state, .reason = reason, .probes = 1};
	if (state == PORT_OPEN || state == PORT_CLOSED) {
		event.u.port.has_rtt = event.u.port.has_ttl = true;
		event.u.port.rtt_ns = 310000;
		event.u.port.ttl = 64;
	}
	return event;
}

struct event event_limit(uint64_t ordinal, double icmp_per_s, uint32_t burst)
{
	struct event event = event_of(ordinal, EVENT_LIMIT);

	event.u.limit = (struct limit_event){icmp_per_s, burst};
	return event;
}

struct event event_mtu(uint64_t ordinal)
{
	struct event event = event_of(ordinal, EVENT_MTU);

	event.u.mtu = (struct mtu_event){
	        .path_mtu = 1400,
	        .interface_mtu = 1500,
	        .how = MTU_BY_CLAIM,
	        .from = fixture_addr("192.168.0.254"),
	        .verified = true,
	        .method = "echo",
	        .to_host = FRAGMENTS_PASS,
	        .from_host = FRAGMENTS_PASS,
	        .probes = 5,
	};
	return event;
}

struct event event_note(uint64_t ordinal, uint16_t port, const char *code, const char *text)
{
	struct event event = event_of(ordinal, EVENT_NOTE);

	event.u.note = (struct note_event){.port = port, .code = code};
	snprintf(event.u.note.text, sizeof(event.u.note.text), "%s", text);
	return event;
}

struct event event_done(uint64_t ordinal)
{
	struct event event = event_of(ordinal, EVENT_HOST_DONE);

	event.at_ns = FIXTURE_START_NS + 60000000000;
	return event;
}

struct scan_info fixture_info(void)
{
	static char program[] = "nscan", option[] = "-sU", target[] = "192.168.0.100-200";
	static char *const argv[] = {program, option, target, NULL};
	static uint16_t ports[100];
	static const struct port_list list = {ports, 100};
	struct scan_info info = {
	        .version = "0.1.0",
	        .argc = 3,
	        .argv = argv,
	        .start_wall_ns = FIXTURE_WALL_NS,
	        .start_ns = FIXTURE_START_NS,
	        .interface = "eth0",
	        .seed = 1,
	        .ports = &list,
	};

	info.source = fixture_addr("192.168.0.1");
	for (uint16_t i = 0; i < 100; i++)
		ports[i] = (uint16_t)(i + 1);
	setenv("TZ", "UTC", 1);
	tzset();
	return info;
}

struct scan_summary fixture_summary(uint64_t up, uint64_t down, uint64_t unknown)
{
	return (struct scan_summary){
	        .end_wall_ns = FIXTURE_WALL_NS + 94100000000,
	        .elapsed_ns = 94100000000,
	        .hosts_up = up,
	        .hosts_down = down,
	        .hosts_unknown = unknown,
	        .sent = 4242,
	        .received = 4100,
	};
}

char *fixture_report(const struct report_format *format, const struct scan_info *info, const struct event *events,
                     size_t count, const struct scan_summary *summary)
{
	char *folder = fixture_folder(), *text, path[128];
	struct reports *reports;
	struct err err = {0};

	snprintf(path, sizeof(path), "%s/report", folder);
	reports = reports_new(info, &err);
	assert_non_null(reports);
	assert_true(reports_add(reports, format, path, false, &err));
	reports_begin(reports);
	for (size_t i = 0; i < count; i++)
		reports_event(reports, &events[i]);
	reports_end(reports, summary);
	if (!reports_close(reports, &err))
		fail_msg("%s", err.text);
	reports_free(reports);
	text = fixture_read(path);
	fixture_remove(folder);
	return text;
}

char *fixture_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	assert_non_null(file);
	if (getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	assert_non_null(text);
	return text;
}

char *fixture_folder(void)
{
	char *folder = strdup("/tmp/nscan-report-XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

void fixture_remove(char *folder)
{
	DIR *dir = opendir(folder);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
	free(folder);
}
