//! Does every store keep the contract of [`conversation_store::Store`]?
//!
//! A new store is one more line in `stores!`, a new promise one more line in `promises!`. What only one store can
//! break (a server that is killed, a process that is killed) has tests of its own.

mod contract {
    mod book;
    mod commits;
    mod dying_writers;
    mod embedded_faults;
    mod failovers;
    mod filters;
    mod hints;
    mod idle;
    mod lanes;
    mod layouts;
    mod model;
    mod paths;
    mod races;
    mod reads;
    mod redis_cluster;
    mod redis_faults;
    mod redis_server;
    mod redis_settings;
    mod sessions;
    mod shards;
    mod stores;
    mod tls;
    mod unfinished;

    macro_rules! promises {
        ($open:expr; $($family:ident::$promise:ident,)+) => { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$family::$promise(&$open.await).await;
            }
        )+ };
    }

    macro_rules! stores {
        ($($name:ident: $open:expr;)+) => { $(
            mod $name {
                promises!($open;
                    commits::an_unknown_user_has_nothing,
                    commits::indexes_follow_a_row_that_goes_comes_back_and_is_purged,
                    commits::a_lost_race_changes_nothing_and_answers_what_was_asked,
                    commits::steps_of_one_pipeline_stand_alone,
                    commits::two_steps_of_one_user_in_one_pipeline_run_in_order,
                    commits::odd_user_ids_do_not_mix,
                    commits::numbers_are_exact_up_to_their_largest,
                    commits::five_thousand_rows_are_kept,
                    commits::a_load_is_as_large_as_asked,
                    commits::the_lowest_rows_come_only_of_a_list_that_is_long_enough,
                    commits::the_store_tells_the_time,
                    reads::pages_end_where_the_list_ends,
                    reads::equal_order_keys_are_ordered_by_id,
                    reads::a_replay_is_cut_by_rows_and_by_bytes,
                    reads::rows_come_in_the_order_asked,
                    filters::facets_come_in_the_order_of_the_list,
                    filters::facets_of_unread_rows_are_found_by_their_index,
                    filters::grouped_rows_are_found_by_their_index,
                    filters::a_deleted_user_is_as_if_never_seen,
                    filters::sessions_of_several_users_come_in_order,
                    idle::a_user_without_changes_for_long_is_forgotten_as_a_whole_and_nobody_else,
                    hints::a_follower_gets_every_later_hint_as_it_was_encoded,
                    hints::nobody_gets_what_he_does_not_follow,
                    hints::two_paths_get_each_hint_both,
                    hints::thousands_can_be_followed_at_once,
                    hints::a_path_ends_for_good,
                    hints::a_probe_comes_on_every_path_behind_what_was_published_before_it,
                    sessions::leases_are_made_renewed_and_ended,
                    sessions::a_lease_ends_by_itself,
                    races::a_counter_in_a_head_loses_no_step,
                    races::writers_of_one_user_lose_no_message,
                    races::what_a_writer_remembers_of_a_user_may_be_out_of_date,
                    unfinished::a_renamed_group_of_600_rows_is_told_once_and_at_the_end,
                    unfinished::whoever_writes_next_completes_what_a_dead_writer_left,
                    unfinished::two_writers_complete_what_both_began,
                    dying_writers::a_change_of_many_rows_whose_writer_dies_is_completed_by_the_next,
                    dying_writers::an_import_whose_writer_dies_is_repeated_to_the_same_list,
                    dying_writers::a_change_of_a_group_that_is_overtaken_is_made_of_the_rows_that_came_meanwhile,
                    dying_writers::a_writer_that_loses_many_races_makes_its_change_once_it_wins_one,
                    races::writers_of_one_user_keep_the_list_within_its_limit,
                    lanes::entries_wait_in_order_until_they_are_done,
                    lanes::what_waits_in_a_lane_is_counted_and_grows_older,
                    lanes::ids_of_entries_rise_also_after_a_lane_was_empty,
                    lanes::a_lane_that_was_empty_wakes_whoever_listens,
                    lanes::an_entry_that_was_made_is_not_made_again,
                    lanes::a_hint_tells_when_its_oldest_change_was_accepted_and_where_it_is_traced,
                    model::random_changes_give_what_the_plain_model_gives,
                );
            }
        )+ };
    }

    mod shared {
        promises!(super::stores::redis();
            lanes::a_lane_is_held_by_one_node_until_its_lease_ends,
            lanes::nodes_are_counted_while_they_live,
            hints::a_probe_is_of_its_own_node,
        );
    }

    stores! {
        memory: super::stores::memory();
        embedded: super::stores::embedded();
        redis: super::stores::redis();
        cluster: super::stores::cluster();
        sentinel: super::stores::sentinel();
    }
}
