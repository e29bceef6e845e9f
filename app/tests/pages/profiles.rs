//! The profiles tab: flames, functions, and two profiles compared.

use http::StatusCode;

use crate::answer::{checkout, get};
use crate::fake::CLUSTER;

#[tokio::test]
async fn the_profiles_tab_has_frames_as_text_and_functions_by_cost() {
    let page = get(&checkout("profiles")).await;
    assert_eq!((page.status, page.ids("flame"), page.ids("function")), (StatusCode::OK, 1, 2));
    page.has(&["CPU time", "Memory in use", "100 s, in 40 profiles", "0.03 cores on average", ">main.pay<"]);
    page.has(&["left:0.000%;width:60.000%;--row:1", "type=inuse_space:bytes", "shop/checkout.go", "aria-sort"]);
    let found = get(&checkout("profiles?q=tax&sort=total")).await;
    assert_eq!((found.ids("function"), found.count(" dim\"")), (1, 3));
    found.has(&["50.0 % in what is found", "sort=self", "box h"]);
    let none = get(&format!("/services/{CLUSTER}/shop/StatefulSet/cart/profiles")).await;
    none.has(&["No profiles in this range", "pyroscope.configure", "/v1development/profiles"]);
}

#[tokio::test]
async fn compared_profiles_say_what_takes_a_larger_share() {
    let page = get(&checkout("profiles?against=deploy")).await;
    page.has(&["v2.14.0", "v2.13.2", "in 20 profiles", "box worse-3", "box better-3", "+30 pt", "By the share"]);
}
