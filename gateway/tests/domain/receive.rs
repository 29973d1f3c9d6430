//! docs/DOMAIN.md, 2: how messages of a conversation are received.

use super::lists::{CHANGED, TOTAL, codes_of, devices, refused, row};
use crate::support::{Gateway, Value, json};

fn option(ids: &[&str], recv_opt: u64) -> Value {
    json!({"conversationIDList": ids, "recvOpt": recv_opt})
}

scenario!(
    domain_2_set_receive_message_opt_takes_the_row_out_of_the_total_on_every_device,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let before = row(gateway, "group_g").await;
        devices.done("setReceiveMessageOpt", option(&["group_g"], 2)).await;
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        let row = changed.row();
        assert_eq!(
            (&row["recvOpt"], &row["unreadCount"], &row["orderKey"]),
            (&json!(2), &json!(3), &before["orderKey"])
        );
        assert_eq!(total.data["totalUnreadCount"], 3);
        devices.done("setReceiveMessageOpt", option(&["group_g"], 0)).await;
        assert_eq!(devices.flush([CHANGED, TOTAL]).await[1].data["totalUnreadCount"], 6);
    }
);

scenario!(domain_2_set_receive_message_opt_has_five_options_of_which_only_0_counts, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("setReceiveMessageOpt", option(&["group_g"], 1)).await;
    devices.flush([CHANGED, TOTAL]).await;
    for recv_opt in [2, 3, 4] {
        devices.done("setReceiveMessageOpt", option(&["group_g"], recv_opt)).await;
        assert_eq!(devices.flush([CHANGED]).await[0].row()["recvOpt"], recv_opt);
        assert_eq!(gateway.total("alice").await, 3);
    }
    for wrong in [json!(5), json!(-1), json!("2"), json!(null)] {
        let params = json!({"conversationIDList": ["group_g"], "recvOpt": wrong});
        refused(devices.call("setReceiveMessageOpt", params).await, 6017, "recvOpt");
    }
    devices.silence(gateway).await;
});

scenario!(
    domain_2_set_receive_message_opt_answers_for_each_id_and_repeated_sends_nothing,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let asked = ["c2c_bob", "c2c_nobody", "group_g"];
        let result = devices.done("setReceiveMessageOpt", option(&asked, 2)).await;
        assert_eq!(codes_of(&result, &asked), [0, 6004, 0]);
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!(
            (changed.ids(), &total.data["totalUnreadCount"]),
            (vec![asked[0].into(), asked[2].into()], &json!(1))
        );
        let again = devices.done("setReceiveMessageOpt", option(&asked, 2)).await;
        assert_eq!(codes_of(&again, &asked), [0, 6004, 0]);
        devices.silence(gateway).await;
        assert_eq!(gateway.row("alice", "c2c_nobody").await, None);
    }
);

scenario!(domain_2_set_receive_message_opt_refuses_each_row_that_is_newer, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let (bob, group) = (row(gateway, "c2c_bob").await, row(gateway, "group_g").await);
    let mut params = option(&["c2c_bob", "group_g", "c2c_nobody"], 2);
    params["ifVersion"] = bob["version"].clone();
    let result = devices.done("setReceiveMessageOpt", params).await;
    assert_eq!(codes_of(&result, &["c2c_bob", "group_g", "c2c_nobody"]), [0, 6017, 6004]);
    assert_eq!(result["resultList"][1]["conversation"], group, "with the row as it is");
    assert_eq!(devices.flush([CHANGED, TOTAL]).await[0].ids(), ["c2c_bob"]);
});
