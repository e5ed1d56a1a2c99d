/* payload_rpc.c: the NULL procedure of ONC RPC programs: does nothing and answers. */
#include "payload_rows.h"

enum { RPC_CALL = 0, RPC_REPLY = 1, RPC_VERSION = 2, RPC_AUTH_NONE = 0, RPC_NULL_PROCEDURE = 0 };
enum { RPC_PORTMAPPER = 100000, RPC_NFS = 100003 };
#define RPC_WDB 0x55555555u

/* The high half of the transaction id; the low half is the nonce. */
#define RPC_XID 0x6e730000u

/* RFC 5531 9. */
static size_t build_null_call(uint8_t *out, uint32_t program, uint32_t version)
{
	struct request r = {out, 0};

	add_u32(&r, RPC_XID);
	add_u32(&r, RPC_CALL);
	add_u32(&r, RPC_VERSION);
	add_u32(&r, program);
	add_u32(&r, version);
	add_u32(&r, RPC_NULL_PROCEDURE);
	add_u32(&r, RPC_AUTH_NONE); /* credential */
	add_u32(&r, 0);             /* of no bytes */
	add_u32(&r, RPC_AUTH_NONE); /* verifier */
	add_u32(&r, 0);
	return r.n;
}

static size_t build_portmapper(uint8_t *out)
{
	return build_null_call(out, RPC_PORTMAPPER, 2);
}

static size_t build_nfs(uint8_t *out)
{
	return build_null_call(out, RPC_NFS, 3);
}

/* The debug agent of VxWorks: its NULL procedure touches no task and no memory. */
static size_t build_wdb(uint8_t *out)
{
	return build_null_call(out, RPC_WDB, 1);
}

static enum answer judge_rpc(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t xid = cursor_u32(&c), type = cursor_u32(&c);

	return judge_id(c.ok && type == RPC_REPLY, c.ok && xid == (RPC_XID | nonce));
}

static const struct payload rows[] = {
        {.name = "rpc-portmapper-null",
         .ports = {111},
         .source = "RFC 5531 9, RFC 1833 3",
         .build = build_portmapper,
         .nonce_offset = 2,
         .judge = judge_rpc,
         .anywhere = true}, /* whatever speaks RPC answers, if only that it is another program */
        {.name = "rpc-nfs-null",
         .ports = {2049},
         .source = "RFC 5531 9, RFC 1813 3.3.0",
         .build = build_nfs,
         .nonce_offset = 2,
         .judge = judge_rpc},
        {.name = "rpc-wdb-null",
         .ports = {17185},
         .source = "RFC 5531 9, VxWorks wdb.h",
         .build = build_wdb,
         .nonce_offset = 2,
         .judge = judge_rpc},
};

PAYLOAD_FAMILY(payloads_rpc, rows);
