/* category.c - see category.h.  */
#include "acl/category.h"

#include "base/word_list.h"

/* In the order in which Redis prints them; "table" is ours. */
const char *const acl_category_names[ACL_CATEGORY_COUNT] = {
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
    "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting", "table",
};

/* Groups whose name is not their category's. */
static const struct {
    const char *group, *category;
} group_categories[] = {{"generic", "keyspace"}, {"sorted-set", "sortedset"}, {"transactions", "transaction"}};

static const struct {
    uint32_t flag;
    const char *categories;
} flag_categories[] = {
    {COMMAND_WRITE, "write"},   {COMMAND_READONLY, "read"}, {COMMAND_ADMIN, "admin dangerous"},
    {COMMAND_PUBSUB, "pubsub"}, {COMMAND_FAST, "fast"},     {COMMAND_BLOCKING, "blocking"},
};

uint32_t acl_category_find(struct bytes name)
{
    for (unsigned i = 0; i < ACL_CATEGORY_COUNT; i++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(acl_category_names[i]))) {
            return UINT32_C(1) << i;
        }
    }
    return 0;
}

/* "-name" takes it away. */
static void add_category(struct bytes word, void *arg)
{
    uint32_t *categories = arg;
    if (word.data[0] == '-') {
        *categories &= ~acl_category_find((struct bytes){word.data + 1, word.len - 1});
    } else {
        *categories |= acl_category_find(word);
    }
}

static uint32_t group_category(const char *group)
{
    for (size_t i = 0; i < sizeof group_categories / sizeof group_categories[0]; i++) {
        if (strcmp(group, group_categories[i].group) == 0) {
            return acl_category_find(bytes_of_string(group_categories[i].category));
        }
    }
    return acl_category_find(bytes_of_string(group));
}

uint32_t command_categories(const struct command_spec *spec)
{
    uint32_t categories = 0;
    for (size_t i = 0; i < sizeof flag_categories / sizeof flag_categories[0]; i++) {
        if (spec->flags & flag_categories[i].flag) {
            words_visit(bytes_of_string(flag_categories[i].categories), add_category, &categories);
        }
    }
    if (!(spec->flags & COMMAND_FAST)) {
        categories |= acl_category_find(BYTES("slow"));
    }
    if (spec->run != NULL) { /* a container's bare name does nothing */
        categories |= group_category(spec->group);
    }
    if (spec->acl != NULL) {
        words_visit(bytes_of_string(spec->acl), add_category, &categories);
    }
    return categories;
}
