/* filter.c: the capture filter as a classic BPF program, made by hand. */
#include <string.h>

#include "internal.h"
#include "nscan/wire.h"

enum { IP_PROTO_IPV6_FRAGMENT = 44, IPV6_HEADER_BYTES = 40, VERDICT_ALL = 0x40000 };

/* Where each part of the program begins: jumps name these. */
enum label { AT_IPV4 = 4, AT_IPV6 = 12, AT_ACCEPT = 18, AT_REJECT = 19, AT_PORTS = 20 };

static const uint32_t ip_offset[FILTER_SHAPE_COUNT] = {
        [FILTER_ETHERNET] = 14,
        [FILTER_RAW_IP] = 0,
        [FILTER_COOKED] = 16,
};

static void emit(struct filter *f, unsigned code, uint32_t k)
{
	f->code[f->count++] = (struct sock_filter){.code = (uint16_t)code, .k = k};
}

/* A conditional jump to two places of the program, both ahead; 0 stands for the next instruction. */
static void emit_if(struct filter *f, unsigned test, uint32_t k, unsigned if_true, unsigned if_false)
{
	unsigned next = (unsigned)f->count + 1;
	struct sock_filter insn = {.code = (uint16_t)(BPF_JMP | test | BPF_K), .k = k};

	insn.jt = (uint8_t)(if_true ? if_true - next : 0);
	insn.jf = (uint8_t)(if_false ? if_false - next : 0);
	f->code[f->count++] = insn;
}

/* Goes to AT_IPV4 or AT_IPV6; four instructions in every shape. */
static void emit_version(struct filter *f, enum filter_shape shape)
{
	if (shape == FILTER_RAW_IP) {
		emit(f, BPF_LD | BPF_B | BPF_ABS, 0);
		emit(f, BPF_ALU | BPF_RSH | BPF_K, 4);
		emit_if(f, BPF_JEQ, 4, AT_IPV4, 0);
		emit_if(f, BPF_JEQ, 6, AT_IPV6, AT_REJECT);
		return;
	}
	emit(f, BPF_LD | BPF_H | BPF_ABS, ip_offset[shape] - 2); /* the EtherType, also in a cooked header */
	emit_if(f, BPF_JEQ, ETHERTYPE_ARP_, AT_ACCEPT, 0);
	emit_if(f, BPF_JEQ, ETHERTYPE_IPV4, AT_IPV4, 0);
	emit_if(f, BPF_JEQ, ETHERTYPE_IPV6_, AT_IPV6, AT_REJECT);
}

/* Falls into the list of ports with the UDP destination port loaded. */
static void emit_protocols(struct filter *f, uint32_t ip)
{
	/* AT_IPV4 */
	emit(f, BPF_LD | BPF_H | BPF_ABS, ip + 6);
	emit_if(f, BPF_JSET, 0x3fff, AT_ACCEPT, 0); /* more fragments, or an offset */
	emit(f, BPF_LD | BPF_B | BPF_ABS, ip + 9);
	emit_if(f, BPF_JEQ, IP_PROTO_ICMP, AT_ACCEPT, 0);
	emit_if(f, BPF_JEQ, IP_PROTO_UDP, 0, AT_REJECT);
	emit(f, BPF_LDX | BPF_B | BPF_MSH, ip); /* X = header length, options included */
	emit(f, BPF_LD | BPF_H | BPF_IND, ip + 2);
	emit(f, BPF_JMP | BPF_JA, AT_PORTS - (AT_IPV6 - 1) - 1);
	/* AT_IPV6 */
	emit(f, BPF_LD | BPF_B | BPF_ABS, ip + 6);
	emit_if(f, BPF_JEQ, IP_PROTO_IPV6_FRAGMENT, AT_ACCEPT, 0);
	emit_if(f, BPF_JEQ, IP_PROTO_ICMPV6, AT_ACCEPT, 0);
	emit_if(f, BPF_JEQ, IP_PROTO_UDP, 0, AT_REJECT);
	emit(f, BPF_LD | BPF_H | BPF_ABS, ip + IPV6_HEADER_BYTES + 2);
	emit(f, BPF_JMP | BPF_JA, AT_PORTS - (AT_ACCEPT - 1) - 1);
}

void filter_make(struct filter *out, enum filter_shape shape, const uint16_t *ports, size_t port_count)
{
	out->count = 0;
	emit_version(out, shape);
	emit_protocols(out, ip_offset[shape]);
	emit(out, BPF_RET | BPF_K, VERDICT_ALL); /* AT_ACCEPT */
	emit(out, BPF_RET | BPF_K, 0);           /* AT_REJECT */
	/* AT_PORTS: a plain list; compiled by the kernel, 64 comparisons cost less than the call around them. */
	if (port_count > FILTER_MAX_PORTS) {
		emit(out, BPF_RET | BPF_K, VERDICT_ALL);
		return;
	}
	for (size_t i = 0; i < port_count; i++) {
		emit_if(out, BPF_JEQ, ports[i], 0, (unsigned)out->count + 2);
		emit(out, BPF_RET | BPF_K, VERDICT_ALL);
	}
	emit(out, BPF_RET | BPF_K, 0);
}

static bool attach(int socket, size_t count, const struct sock_filter *code)
{
	struct sock_filter copy[FILTER_MAX];
	struct sock_fprog program = {.len = (uint16_t)count, .filter = copy};

	memcpy(copy, code, count * sizeof(*code));
	return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

bool filter_attach(int socket, const struct filter *filter)
{
	return attach(socket, filter->count, filter->code);
}

bool filter_attach_drop_all(int socket)
{
	static const struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};

	return attach(socket, 1, &drop);
}
