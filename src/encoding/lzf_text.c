/* lzf_text.c - lengths checked around liblzf, and the same text always compressed to the same bytes.  */
#include "encoding/lzf_text.h"

#include "encoding/lzf_steps.h"

#include <assert.h>
#include <limits.h>
#include <liblzf/lzf.h>

enum { LZF_STACK_BYTES = 270000 }; /* the table of lzf_compress, 256 KiB, and what may be around it */

/* style: liblzf does not clear its table, and what an earlier call left there leads to other, equally right output. Its frame
 * will be where this one is, so the table is clear; redis-server, which clears its own, then gives the same bytes.  */
__attribute__((noinline)) static void clear_stack(void)
{
    char room[LZF_STACK_BYTES];
    memset(room, 0, sizeof room);
    __asm__ volatile("" : : "r"(room) : "memory");
}

size_t lzf_text_compress(struct bytes text, char *out, size_t room)
{
    if (text.len > 0 && text.len <= LZF_SHORT_MAX) {
        return lzf_short_compress(text, out, room);
    }
    return lzf_library_compress(text, out, room);
}

size_t lzf_library_compress(struct bytes text, char *out, size_t room)
{
    if (text.len == 0 || text.len > UINT_MAX) {
        return 0;
    }
    clear_stack();
    const size_t len = lzf_compress(text.data, (unsigned)text.len, out, room > UINT_MAX ? UINT_MAX : (unsigned)room);
    assert(len <= room);
    return len;
}

bool lzf_text_decompress(struct bytes compressed, char *out, size_t len)
{
    if (compressed.len == 0 || compressed.len > UINT_MAX || len == 0 || len > UINT_MAX) {
        return false;
    }
    return lzf_decompress(compressed.data, (unsigned)compressed.len, out, (unsigned)len) == len;
}
