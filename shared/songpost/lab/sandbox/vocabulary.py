"""The words of X's schema: which fields, expansions and parameters exist (OpenAPI 2.166), and what 2.167 renamed."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


POST_FIELDS = words(
    """article attachments author_id card_uri community_id context_annotations conversation_id created_at
    display_text_range edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang
    matched_media_notes media_metadata non_public_metrics note_request_suggestions note_tweet organic_metrics
    paid_partnership possibly_sensitive promoted_metrics public_metrics referenced_tweets reply_settings scopes
    source suggested_source_links suggested_source_links_with_counts text withheld"""
)
USER_FIELDS = words(
    """affiliation confirmed_email connection_status created_at description entities id is_identity_verified
    location most_recent_tweet_id name parody pinned_tweet_id profile_banner_url profile_image_url protected
    public_metrics receives_your_dm subscription subscription_type url username verified
    verified_followers_count verified_type withheld"""
)
MEDIA_FIELDS = words(
    """alt_text duration_ms height media_key non_public_metrics organic_metrics preview_image_url
    promoted_metrics public_metrics type url variants width"""
)
POLL_FIELDS = words("duration_minutes end_datetime id options voting_status")
PLACE_FIELDS = words("contained_within country country_code full_name geo id name place_type")
POST_EXPANSIONS = words(
    """article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet
    attachments.poll_ids author_id edit_history_tweet_ids entities.mentions.username geo.place_id
    in_reply_to_user_id entities.note.mentions.username referenced_tweets.id
    referenced_tweets.id.attachments.media_keys referenced_tweets.id.author_id"""
)
USER_EXPANSIONS = words("affiliation.user_id most_recent_tweet_id pinned_tweet_id")

POST_QUERY = words("tweet.fields post.fields expansions media.fields poll.fields user.fields place.fields")
USER_QUERY = words("user.fields tweet.fields post.fields expansions")
"""Query parameters that every read of posts or users takes."""

CREATE_BODY = words(
    """card_uri community_id direct_message_deep_link edit_options for_super_followers_only geo made_with_ai media
    nullcast paid_partnership poll quote_tweet_id quote_post_id reply reply_settings share_with_followers text"""
)
REPLY_BODY = words("auto_populate_reply_metadata exclude_reply_user_ids in_reply_to_tweet_id in_reply_to_post_id")
MEDIA_BODY = words("call_to_actions description embeddable media_ids preview_media_id tagged_user_ids title")

NEW_NAMES = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "most_recent_tweet_id": "most_recent_post_id",
    "pinned_tweet_id": "pinned_post_id",
    "note_tweet": "note_post",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "tweets": "posts",
}
"""What 2.167 of the specification renamed in answers."""

OLD_NAMES = {new: old for old, new in NEW_NAMES.items()}
"""The same the other way round, for the fields that a newer client asks for."""

NEWER_FIELDS = words("article_title subscribes_to_you")
NEWER_EXPANSIONS = words("referenced_tweets username")
"""What later specifications added; asked for, it is accepted, and nothing more comes of it but the referenced posts."""
