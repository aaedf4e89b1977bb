/* users.c - see users.h.  */
#include "acl/users.h"

#include "config/config.h"
#include "mem/heap.h"

#define DEFAULT_NAME BYTES("default")

/* --- arrays of users, sorted by name --- */

static struct acl_set set_of(const struct acl *acl)
{
    return (struct acl_set){acl->users, acl->count, acl->capacity};
}

/* Where the name stands, or would. True: it does. */
static bool find_place(const struct acl_set *set, struct bytes name, uint32_t *place)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = bytes_compare(buffer_bytes(&set->users[middle]->name), name);
        if (order == 0) {
            *place = middle;
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *place = low;
    return false;
}

/* Room for one more. */
static bool make_room(struct acl_set *set)
{
    if (set->count < set->capacity) {
        return true;
    }
    const uint32_t capacity = set->capacity == 0 ? 4 : 2 * set->capacity;
    struct acl_user **users = thread_realloc(MEM_SERVER, set->users, set->capacity * sizeof *users, capacity * sizeof *users);
    if (users == NULL) {
        return false;
    }
    set->users = users;
    set->capacity = capacity;
    return true;
}

/* There is room. Takes the user. */
static void insert(struct acl_set *set, uint32_t place, struct acl_user *user)
{
    assert(set->count < set->capacity);
    memmove(set->users + place + 1, set->users + place, (set->count - place) * sizeof(*set->users));
    set->users[place] = user;
    set->count++;
}

bool acl_set_has(const struct acl_set *set, struct bytes name)
{
    uint32_t place;
    return find_place(set, name, &place);
}

void acl_set_release(struct acl_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        acl_user_drop(set->users[i]);
    }
    thread_free(MEM_SERVER, set->users, set->capacity * sizeof(*set->users));
    *set = (struct acl_set){0};
}

/* --- changes, under the lock --- */

static const struct acl_user *default_user(const struct acl *acl)
{
    const struct acl_set set = set_of(acl);
    uint32_t place;
    const bool is_there = find_place(&set, DEFAULT_NAME, &place);
    assert(is_there);
    return acl->users[place];
}

static void was_changed(struct acl *acl)
{
    atomic_store_explicit(&acl->config->has_password, acl_user_needs_login(default_user(acl)), memory_order_relaxed);
    atomic_fetch_add_explicit(&acl->version, 1, memory_order_release);
}

/* Takes the user, in place of one of its name. False: no memory; it is still the caller's. */
static bool put_user(struct acl *acl, struct acl_user *user)
{
    struct acl_set set = set_of(acl);
    uint32_t place;
    const bool replaces = find_place(&set, buffer_bytes(&user->name), &place);
    if (!replaces && !make_room(&set)) {
        return false;
    }
    user->id = user->id == 0 ? acl->next_id++ : user->id;
    if (replaces) {
        acl_user_drop(set.users[place]);
        set.users[place] = user;
    } else {
        insert(&set, place, user);
    }
    acl->users = set.users;
    acl->count = set.count;
    acl->capacity = set.capacity;
    return true;
}

static bool new_users_have_channels(const struct acl *acl)
{
    return atomic_load_explicit(&acl->config->acl_pubsub_default, memory_order_relaxed) != 0;
}

static enum acl_rule_result apply_all(const struct acl *acl, struct acl_user *user, const struct bytes *rules, size_t count, size_t *bad)
{
    const bool has_channels = new_users_have_channels(acl);
    for (*bad = 0; *bad < count; (*bad)++) {
        const enum acl_rule_result result = acl_user_apply(user, &acl->commands, rules[*bad], has_channels);
        if (result != ACL_RULE_OK) {
            return result;
        }
    }
    return ACL_RULE_OK;
}

/* A copy of the user of that name, or a new one. NULL: no memory. */
static struct acl_user *draft(const struct acl *acl, struct bytes name)
{
    const struct acl_set set = set_of(acl);
    uint32_t place;
    return find_place(&set, name, &place) ? acl_user_copy(acl->users[place]) : acl_user_create(name, new_users_have_channels(acl));
}

enum acl_rule_result acl_set_user(struct acl *acl, struct bytes name, const struct bytes *rules, size_t count, size_t *bad)
{
    enum acl_rule_result result = ACL_RULE_NO_MEMORY;
    *bad = 0;
    pthread_mutex_lock(&acl->lock);
    struct acl_user *user = draft(acl, name);
    if (user != NULL) {
        result = apply_all(acl, user, rules, count, bad);
    }
    if (result == ACL_RULE_OK && !put_user(acl, user)) {
        result = ACL_RULE_NO_MEMORY;
    }
    if (result == ACL_RULE_OK) {
        was_changed(acl);
    } else {
        acl_user_drop(user);
    }
    pthread_mutex_unlock(&acl->lock);
    return result;
}

bool acl_delete_user(struct acl *acl, struct bytes name)
{
    assert(!bytes_equal(name, DEFAULT_NAME));
    pthread_mutex_lock(&acl->lock);
    const struct acl_set set = set_of(acl);
    uint32_t place;
    const bool is_there = find_place(&set, name, &place);
    if (is_there) {
        acl_user_drop(acl->users[place]);
        acl->count--;
        memmove(acl->users + place, acl->users + place + 1, (acl->count - place) * sizeof(*acl->users));
        was_changed(acl);
    }
    pthread_mutex_unlock(&acl->lock);
    return is_there;
}

struct acl_user *acl_draft_default(struct acl *acl, struct bytes password)
{
    pthread_mutex_lock(&acl->lock);
    struct acl_user *user = draft(acl, DEFAULT_NAME);
    pthread_mutex_unlock(&acl->lock);
    if (user != NULL && acl_user_require(user, &acl->commands, password) != ACL_RULE_OK) {
        acl_user_drop(user);
        user = NULL;
    }
    return user;
}

void acl_take_default(struct acl *acl, struct acl_user *user)
{
    pthread_mutex_lock(&acl->lock);
    const bool is_taken = put_user(acl, user);
    assert(is_taken); /* in place of the one that is there */
    was_changed(acl);
    pthread_mutex_unlock(&acl->lock);
}

/* --- another set --- */

/* The default user as it begins: it may do everything, and needs a password if `requirepass` says so. NULL: no memory. */
static struct acl_user *create_default(const struct acl *acl)
{
    static const struct bytes rules[] = {{"on", 2}, {"nopass", 6}, {"~*", 2}, {"&*", 2}, {"+@all", 5}};
    size_t bad;
    struct acl_user *user = acl_user_create(DEFAULT_NAME, true);
    bool is_done = user != NULL && apply_all(acl, user, rules, sizeof rules / sizeof rules[0], &bad) == ACL_RULE_OK;
    pthread_mutex_lock(&acl->config->lock);
    if (is_done && acl->config->requirepass[0] != '\0') {
        is_done = acl_user_require(user, &acl->commands, bytes_of_string(acl->config->requirepass)) == ACL_RULE_OK;
    }
    pthread_mutex_unlock(&acl->config->lock);
    if (!is_done) {
        acl_user_drop(user);
        user = NULL;
    }
    return user;
}

enum acl_rule_result acl_set_add(struct acl *acl, struct acl_set *set, struct bytes name, const struct bytes *rules, size_t count, size_t *bad)
{
    struct acl_user *user = acl_user_create(name, new_users_have_channels(acl));
    enum acl_rule_result result = user == NULL ? ACL_RULE_NO_MEMORY : apply_all(acl, user, rules, count, bad);
    uint32_t place;
    if (result == ACL_RULE_OK && !make_room(set)) {
        result = ACL_RULE_NO_MEMORY;
    }
    if (result != ACL_RULE_OK) {
        acl_user_drop(user);
        return result;
    }
    const bool is_there = find_place(set, name, &place);
    assert(!is_there);
    insert(set, place, user);
    return ACL_RULE_OK;
}

/* Are both described alike? False without memory: then connections are cut that need not be. */
static bool is_alike(const struct acl_user *a, const struct acl_user *b)
{
    struct buffer texts[2] = {BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER)};
    const bool is_same = acl_user_describe(a, &texts[0]) && acl_user_describe(b, &texts[1]) &&
                         bytes_equal(buffer_bytes(&texts[0]), buffer_bytes(&texts[1]));
    buffer_release(&texts[0]);
    buffer_release(&texts[1]);
    return is_same;
}

/* The ids that the users of `set` have from now on. */
static void give_ids(struct acl *acl, const struct acl_set *set)
{
    const struct acl_set old = set_of(acl);
    for (uint32_t i = 0; i < set->count; i++) {
        struct acl_user *user = set->users[i];
        uint32_t place;
        const bool was_there = find_place(&old, buffer_bytes(&user->name), &place);
        const bool stays = was_there && (bytes_equal(buffer_bytes(&user->name), DEFAULT_NAME) || is_alike(user, old.users[place]));
        user->id = stays ? old.users[place]->id : acl->next_id++;
    }
}

bool acl_replace(struct acl *acl, struct acl_set *set)
{
    pthread_mutex_lock(&acl->lock);
    uint32_t place;
    bool is_done = make_room(set);
    if (is_done && !find_place(set, DEFAULT_NAME, &place)) {
        struct acl_user *user = create_default(acl);
        is_done = user != NULL;
        if (is_done) {
            insert(set, place, user);
        }
    }
    if (is_done) {
        give_ids(acl, set);
        struct acl_set old = set_of(acl);
        acl->users = set->users;
        acl->count = set->count;
        acl->capacity = set->capacity;
        *set = (struct acl_set){0};
        acl_set_release(&old);
        was_changed(acl);
    }
    pthread_mutex_unlock(&acl->lock);
    return is_done;
}

bool acl_is_plain(struct acl *acl, bool *is_plain)
{
    struct acl_user *plain = create_default(acl);
    if (plain == NULL) {
        return false;
    }
    pthread_mutex_lock(&acl->lock);
    *is_plain = acl->count == 1 && is_alike(plain, acl->users[0]);
    pthread_mutex_unlock(&acl->lock);
    acl_user_drop(plain);
    return true;
}

/* --- questions --- */

struct acl_user *acl_find(struct acl *acl, struct bytes name)
{
    uint32_t place;
    pthread_mutex_lock(&acl->lock);
    const struct acl_set set = set_of(acl);
    struct acl_user *user = find_place(&set, name, &place) ? acl_user_hold(acl->users[place]) : NULL;
    pthread_mutex_unlock(&acl->lock);
    return user;
}

struct acl_user *acl_hold_default(struct acl *acl)
{
    struct acl_user *user = acl_find(acl, DEFAULT_NAME);
    assert(user != NULL);
    return user;
}

struct acl_user *acl_authenticate(struct acl *acl, struct bytes name, struct bytes password)
{
    struct acl_user *user = acl_find(acl, name);
    if (user != NULL && acl_user_takes(user, password)) {
        return user;
    }
    acl_user_drop(user);
    return NULL;
}

bool acl_default_takes_any(struct acl *acl)
{
    pthread_mutex_lock(&acl->lock);
    const bool takes_any = (default_user(acl)->flags & ACL_USER_NOPASS) != 0;
    pthread_mutex_unlock(&acl->lock);
    return takes_any;
}

void acl_visit(struct acl *acl, acl_visit_fn *visit, void *arg)
{
    pthread_mutex_lock(&acl->lock);
    for (uint32_t i = 0; i < acl->count; i++) {
        visit(acl->users[i], arg);
    }
    pthread_mutex_unlock(&acl->lock);
}

/* --- life --- */

static bool add_default(struct acl *acl)
{
    struct acl_user *user = create_default(acl);
    if (user == NULL || !put_user(acl, user)) {
        acl_user_drop(user);
        return false;
    }
    was_changed(acl);
    return true;
}

struct acl *acl_create(struct config *config, const struct command_spec *const *specs, uint32_t count)
{
    struct acl *acl = thread_alloc_zeroed(MEM_SERVER, sizeof *acl);
    if (acl == NULL) {
        return NULL;
    }
    pthread_mutex_init(&acl->lock, NULL);
    acl_log_open(&acl->log);
    acl->config = config;
    acl->next_id = 1;
    if (!acl_commands_open(&acl->commands, specs, count) || !add_default(acl)) {
        acl_destroy(acl);
        return NULL;
    }
    return acl;
}

void acl_destroy(struct acl *acl)
{
    if (acl == NULL) {
        return;
    }
    struct acl_set set = set_of(acl);
    acl_set_release(&set);
    acl_commands_close(&acl->commands);
    acl_log_close(&acl->log);
    pthread_mutex_destroy(&acl->lock);
    thread_free(MEM_SERVER, acl, sizeof *acl);
}
