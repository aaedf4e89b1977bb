/* user.c - see user.h.  */
#include "acl/user.h"

#include "acl/rules.h"
#include "acl/words.h"
#include "mem/heap.h"

#include <ctype.h>

/* --- life --- */

static struct acl_user *create_empty(void)
{
    struct acl_user *user = thread_alloc_zeroed(MEM_SERVER, sizeof *user);
    if (user != NULL) {
        atomic_store_explicit(&user->holders, 1, memory_order_relaxed);
        user->name = user->passwords = user->selectors = BUFFER_EMPTY(MEM_SERVER);
    }
    return user;
}

static bool add_selector(struct acl_user *user, const struct acl_selector *selector)
{
    return buffer_append(&user->selectors, (struct bytes){(const char *)selector, sizeof *selector});
}

/* All but the first `kept`. */
static void drop_selectors(struct acl_user *user, size_t kept)
{
    for (size_t i = kept; i < acl_user_selector_count(user); i++) {
        acl_selector_release(acl_user_selector(user, i));
    }
    if (acl_user_selector_count(user) > kept) {
        user->selectors.len = kept * sizeof(struct acl_selector);
    }
}

static void destroy(struct acl_user *user)
{
    drop_selectors(user, 0);
    buffer_release(&user->selectors);
    buffer_release(&user->passwords);
    buffer_release(&user->name);
    thread_free(MEM_SERVER, user, sizeof *user);
}

struct acl_user *acl_user_create(struct bytes name, bool has_channels)
{
    struct acl_user *user = create_empty();
    struct acl_selector selector = ACL_SELECTOR_EMPTY;
    selector.flags = has_channels ? ACL_ALL_CHANNELS : 0;
    if (user != NULL && buffer_append(&user->name, name) && add_selector(user, &selector)) {
        return user;
    }
    acl_user_drop(user);
    return NULL;
}

struct acl_user *acl_user_copy(const struct acl_user *user)
{
    struct acl_user *copy = create_empty();
    bool is_done = copy != NULL && buffer_append(&copy->name, buffer_bytes(&user->name)) &&
                   buffer_append(&copy->passwords, buffer_bytes(&user->passwords));
    for (size_t i = 0; is_done && i < acl_user_selector_count(user); i++) {
        struct acl_selector selector;
        is_done = acl_selector_copy(acl_user_selector(user, i), &selector);
        if (is_done && !add_selector(copy, &selector)) {
            acl_selector_release(&selector);
            is_done = false;
        }
    }
    if (!is_done) {
        acl_user_drop(copy);
        return NULL;
    }
    copy->flags = user->flags;
    copy->id = user->id;
    return copy;
}

struct acl_user *acl_user_hold(struct acl_user *user)
{
    const uint32_t before = atomic_fetch_add_explicit(&user->holders, 1, memory_order_relaxed);
    assert(before > 0);
    return user;
}

void acl_user_drop(struct acl_user *user)
{
    if (user != NULL && atomic_fetch_sub_explicit(&user->holders, 1, memory_order_acq_rel) == 1) {
        destroy(user);
    }
}

bool acl_name_is_right(struct bytes name)
{
    bool is_right = name.len <= ACL_NAME_MAX;
    for (size_t i = 0; i < name.len && is_right; i++) {
        is_right = name.data[i] != '\0' && !isspace((unsigned char)name.data[i]);
    }
    return is_right;
}

/* --- passwords --- */

static size_t password_count(const struct acl_user *user)
{
    return user->passwords.len / SHA256_BYTES;
}

/* The same time whatever the bytes are. */
static bool is_same(const unsigned char *a, const unsigned char *b)
{
    unsigned difference = 0;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        difference |= (unsigned)(a[i] ^ b[i]);
    }
    return difference == 0;
}

/* Its place; password_count(): it is not there. */
static size_t find_password(const struct acl_user *user, const unsigned char hash[SHA256_BYTES])
{
    const size_t count = password_count(user);
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        if (is_same((const unsigned char *)user->passwords.data + i * SHA256_BYTES, hash)) {
            found = i;
        }
    }
    return found;
}

static enum acl_rule_result add_password(struct acl_user *user, const unsigned char hash[SHA256_BYTES])
{
    user->flags &= ~(uint32_t)ACL_USER_NOPASS;
    if (find_password(user, hash) < password_count(user)) {
        return ACL_RULE_OK;
    }
    return buffer_append(&user->passwords, (struct bytes){(const char *)hash, SHA256_BYTES}) ? ACL_RULE_OK : ACL_RULE_NO_MEMORY;
}

static enum acl_rule_result remove_password(struct acl_user *user, const unsigned char hash[SHA256_BYTES])
{
    const size_t at = find_password(user, hash);
    if (at == password_count(user)) {
        return ACL_RULE_NO_SUCH_PASSWORD;
    }
    char *place = user->passwords.data + at * SHA256_BYTES;
    memmove(place, place + SHA256_BYTES, user->passwords.len - (at + 1) * SHA256_BYTES);
    user->passwords.len -= SHA256_BYTES;
    return ACL_RULE_OK;
}

static int digit_value(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* False: it is not 64 lower-case hexadecimal digits. */
static bool read_hash(struct bytes text, unsigned char out[SHA256_BYTES])
{
    bool is_right = text.len == ACL_HASH_TEXT;
    for (size_t i = 0; i < SHA256_BYTES && is_right; i++) {
        const int high = digit_value(text.data[2 * i]), low = digit_value(text.data[2 * i + 1]);
        is_right = high >= 0 && low >= 0;
        out[i] = (unsigned char)(is_right ? high << 4 | low : 0);
    }
    return is_right;
}

/* >password #hash <password !hash */
static enum acl_rule_result apply_password(struct acl_user *user, struct bytes rule)
{
    const char sign = rule.data[0];
    const struct bytes text = {rule.data + 1, rule.len - 1};
    unsigned char hash[SHA256_BYTES];
    if (sign == '>' || sign == '<') {
        if (!sha256(text, hash)) {
            return ACL_RULE_NO_MEMORY;
        }
    } else if (!read_hash(text, hash)) {
        return ACL_RULE_BAD_HASH;
    }
    return sign == '>' || sign == '#' ? add_password(user, hash) : remove_password(user, hash);
}

bool acl_user_takes(const struct acl_user *user, struct bytes password)
{
    unsigned char hash[SHA256_BYTES];
    if ((user->flags & ACL_USER_ON) == 0) {
        return false;
    }
    return (user->flags & ACL_USER_NOPASS) != 0 || (sha256(password, hash) && find_password(user, hash) < password_count(user));
}

void acl_user_password_text(const struct acl_user *user, size_t index, char out[ACL_HASH_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *hash = (const unsigned char *)user->passwords.data + index * SHA256_BYTES;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

/* --- rules --- */

/* Words that change flags: what is cleared, then what is set. */
static const struct {
    const char *word;
    uint32_t cleared, set;
    bool drops_passwords;
} flag_rules[] = {
    {"on", 0, ACL_USER_ON, false},
    {"off", ACL_USER_ON, 0, false},
    {"nopass", 0, ACL_USER_NOPASS, true},
    {"resetpass", ACL_USER_NOPASS, 0, true},
    {"skip-sanitize-payload", ACL_USER_SANITIZE, ACL_USER_SKIP_SANITIZE, false},
    {"sanitize-payload", ACL_USER_SKIP_SANITIZE, ACL_USER_SANITIZE, false},
};

/* False: it is none. */
static bool apply_flag(struct acl_user *user, struct bytes rule)
{
    for (size_t i = 0; i < sizeof flag_rules / sizeof flag_rules[0]; i++) {
        if (bytes_equal_ignore_case(rule, bytes_of_string(flag_rules[i].word))) {
            user->flags = (user->flags & ~flag_rules[i].cleared) | flag_rules[i].set;
            user->passwords.len = flag_rules[i].drops_passwords ? 0 : user->passwords.len;
            return true;
        }
    }
    return false;
}

/* As it was when it was made, but that Redis writes sanitize-payload down then. */
static void reset(struct acl_user *user, bool has_channels)
{
    drop_selectors(user, 1);
    acl_selector_release(acl_user_selector(user, 0));
    *acl_user_selector(user, 0) = ACL_SELECTOR_EMPTY;
    acl_user_selector(user, 0)->flags = has_channels ? ACL_ALL_CHANNELS : 0;
    user->flags = ACL_USER_SANITIZE;
    user->passwords.len = 0;
}

/* "(~a* +get)" */
static enum acl_rule_result apply_selector(struct acl_user *user, const struct acl_command_table *commands, struct bytes rule, bool has_channels)
{
    if (rule.data[rule.len - 1] != ')') {
        return ACL_RULE_SYNTAX;
    }
    struct acl_selector selector = ACL_SELECTOR_EMPTY;
    selector.flags = has_channels ? ACL_ALL_CHANNELS : 0;
    struct bytes rest = {rule.data + 1, rule.len - 2}, word;
    enum acl_rule_result result = ACL_RULE_OK;
    while (result == ACL_RULE_OK && acl_next_word(&rest, &word)) {
        /* Written down, a word that ends with a parenthesis would end the selector. */
        result = word.data[word.len - 1] == ')' ? ACL_RULE_SYNTAX : acl_selector_apply(&selector, commands, word);
    }
    if (result == ACL_RULE_OK && !add_selector(user, &selector)) {
        result = ACL_RULE_NO_MEMORY;
    }
    if (result != ACL_RULE_OK) {
        acl_selector_release(&selector);
    }
    return result;
}

enum acl_rule_result acl_user_apply(struct acl_user *user, const struct acl_command_table *commands, struct bytes rule, bool has_channels)
{
    if (rule.len == 0) {
        return ACL_RULE_OK;
    }
    if (apply_flag(user, rule)) {
        return ACL_RULE_OK;
    }
    if (memchr("><#!", rule.data[0], 4) != NULL) {
        return apply_password(user, rule);
    }
    if (rule.data[0] == '(') {
        return apply_selector(user, commands, rule, has_channels);
    }
    if (bytes_equal_ignore_case(rule, BYTES("clearselectors"))) {
        drop_selectors(user, 1);
        return ACL_RULE_OK;
    }
    if (bytes_equal_ignore_case(rule, BYTES("reset"))) {
        reset(user, has_channels);
        return ACL_RULE_OK;
    }
    return acl_selector_apply(acl_user_selector(user, 0), commands, rule);
}

enum acl_rule_result acl_user_require(struct acl_user *user, const struct acl_command_table *commands, struct bytes password)
{
    unsigned char hash[SHA256_BYTES];
    if (password.len == 0) {
        return acl_user_apply(user, commands, BYTES("nopass"), false);
    }
    user->passwords.len = 0;
    return sha256(password, hash) ? add_password(user, hash) : ACL_RULE_NO_MEMORY;
}

/* --- written down --- */

void acl_user_visit_flags(const struct acl_user *user, void (*visit)(struct bytes word, void *arg), void *arg)
{
    visit(user->flags & ACL_USER_ON ? BYTES("on") : BYTES("off"), arg);
    for (size_t i = 2; i < sizeof flag_rules / sizeof flag_rules[0]; i++) {
        if ((user->flags & flag_rules[i].set) != 0) {
            visit(bytes_of_string(flag_rules[i].word), arg);
        }
    }
}

/* Words appended one behind the other. */
struct listing {
    struct buffer *out;
    bool is_done;
};

static void append_word(struct bytes word, void *arg)
{
    struct listing *listing = arg;
    listing->is_done = listing->is_done && buffer_append(listing->out, BYTES(" ")) && buffer_append(listing->out, word);
}

bool acl_user_describe(const struct acl_user *user, struct buffer *out)
{
    struct listing listing = {out, buffer_append(out, BYTES("user ")) && buffer_append(out, buffer_bytes(&user->name))};
    acl_user_visit_flags(user, append_word, &listing);
    for (size_t i = 0; listing.is_done && i < password_count(user); i++) {
        char text[1 + ACL_HASH_TEXT] = "#";
        acl_user_password_text(user, i, text + 1);
        append_word((struct bytes){text, sizeof text}, &listing);
    }
    bool is_done = listing.is_done && buffer_append(out, BYTES(" ")) && acl_selector_describe(acl_user_selector(user, 0), out);
    for (size_t i = 1; is_done && i < acl_user_selector_count(user); i++) {
        is_done = buffer_append(out, BYTES(" (")) && acl_selector_describe(acl_user_selector(user, i), out) && buffer_append(out, BYTES(")"));
    }
    return is_done;
}
