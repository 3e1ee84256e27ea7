//! What offers.toml can say, key by key, and every sentence about what it cannot.

use super::*;

/// 64 hex digits.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn read_with(text: &str, named: &[(&str, &str)]) -> (Option<Offers>, Vec<String>) {
    let named: Vec<_> = named.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let file = File::new("offers.toml", text, &[]);
    let offers = read(&file, "en", &Beside::of_texts(&named)).into_offers();
    (offers, file.into_problems().into_iter().map(|problem| format!("{:?} {}", problem.line, problem.what)).collect())
}

fn read_all(text: &str) -> (Option<Offers>, Vec<String>) {
    read_with(text, &[])
}

fn campaign(more: &str) -> String {
    format!(
        "[[campaign]]\nid = 'a'\ncategory = 'c'\nzones = ['z']\ntext = {{ en = {{ title = 'T', body = 'B' }} }}\n{more}\n"
    )
}

fn entered(more: &str) -> String {
    campaign(&format!("trigger = 'entered'\n{more}"))
}

/// The one campaign of a file that has no problem.
fn sound(text: &str, named: &[(&str, &str)]) -> Campaign {
    let (offers, problems) = read_with(text, named);
    assert_eq!(problems, [""; 0], "{text}");
    offers.unwrap().campaigns[0].clone()
}

#[test]
fn nothing_to_offer_is_legal() {
    assert_eq!(read_all(""), (Some(Offers::default()), vec![]));
}

#[test]
fn a_campaign_has_its_defaults() {
    let campaign = sound(&campaign("trigger = { dwelled = '20s' }"), &[]);
    assert_eq!((campaign.class, campaign.tier, campaign.priority), (Class::Offer, Tier::Contextual, 50));
    assert_eq!(campaign.trigger, Trigger::Dwelled(20_000_000));
    assert_eq!((&campaign.audience, &campaign.price, campaign.once_per), (&Audience::default(), &None, None));
    assert!(campaign.coupon.is_none() && campaign.values.is_empty() && campaign.nearest.is_empty());
    assert!(campaign.control_share.abs() < f64::EPSILON);
}

#[test]
fn what_a_campaign_cannot_say_is_told() {
    for (more, problem) in [
        ("trigger = 'left'", "Some(6) `left` is for class `service` alone: nobody is called back to buy"),
        ("trigger = 'entred'", "Some(6) `trigger` cannot be \"entred\""),
        (
            "trigger = 'entered'\ntier = 'on-request'",
            "Some(7) a campaign cannot be for `on-request`: those customers are answered when they ask",
        ),
        ("trigger = 'entered'\npriority = 101", "Some(7) `priority` cannot be 101"),
        ("trigger = 'entered'\nlink = 'javascript:x'", "Some(7) `link` is no web address"),
        (
            "trigger = 'entered'\nactive = { from = 2026-10-02, until = '2026-10-01' }",
            "Some(7) `until` 2026-10-01 is before `from` 2026-10-02",
        ),
        (
            "trigger = 'entered'\nlock-screen = 'Hello {zone}'",
            "Some(7) nothing is put in on a lock screen, and braces would be shown",
        ),
    ] {
        assert_eq!(read_all(&campaign(more)).1, [problem], "{more}");
    }
}

#[test]
fn an_audience_is_what_customers_declared() {
    let text = entered(
        "tier = 'personal'\naudience = { interests = ['outdoor'], price-band = 'premium', wishes = true }\nprice = '129 CHF'",
    );
    let campaign = sound(&text, &[]);
    let expected = Audience { interests: vec!["outdoor".into()], price_bands: vec!["premium".into()], wishes: true };
    assert_eq!((campaign.audience, campaign.price), (expected, Price::parse("129 CHF")));
    let two = sound(&entered("tier = 'personal'\naudience.price-band = ['premium', 'mid']"), &[]);
    assert_eq!(two.audience.price_bands, ["premium".into(), "mid".into()]);
}

#[test]
fn what_an_audience_cannot_be_is_told() {
    let long = format!("tier = 'personal'\naudience = {{ interests = ['{}'] }}", "x".repeat(65));
    let many = format!("tier = 'personal'\naudience = {{ interests = [{}] }}", "'x',".repeat(65));
    for (more, problem) in [
        (
            "audience = { interests = ['outdoor'] }",
            "Some(7) an `audience` needs `tier = \"personal\"`: only those customers declare interests, price bands and wishes",
        ),
        ("tier = 'personal'\naudience = { interests = [] }", "Some(8) `interests` names nobody"),
        ("tier = 'personal'\naudience = { price-band = 7 }", "Some(8) `price-band` is a number"),
        (
            "tier = 'personal'\naudience = { interest = ['x'], wishes = true }",
            "Some(8) `interest` is no key of `audience`",
        ),
        ("tier = 'personal'\naudience = { wishes = 'yes' }", "Some(8) `wishes` is a text"),
        ("tier = 'personal'\naudience = {}", "Some(8) an `audience` that says nothing is everybody"),
        (&long, "Some(8) `interests`: no customer can declare that"),
        (&many, "Some(8) `interests` has more than 64 words"),
        ("price = '129,50 CHF'", "Some(7) `price`: `129,50 CHF` is no price"),
        ("price = 129", "Some(7) `price` is a number"),
    ] {
        assert_eq!(read_all(&entered(more)).1, [problem], "{more}");
    }
    let text =
        entered("class = 'reward'\ntier = 'personal'\naudience = { wishes = true }").replace("category = 'c'\n", "");
    assert_eq!(read_all(&text).1, ["Some(8) `wishes` needs a `category`: that is what customers wish for"]);
}

#[test]
fn a_control_group_is_a_share_below_one() {
    for (share, expected) in [("0", 0.0), ("0.1", 0.1)] {
        let found = sound(&entered(&format!("control-group = {share}")), &[]).control_share;
        assert!((found - expected).abs() < f64::EPSILON, "{share}");
    }
    for (more, problem) in [
        (
            "control-group = 1.0",
            "Some(7) a control group of 1 is everybody who agreed to be measured: they are never told",
        ),
        ("control-group = 1.1", "Some(7) `control-group` cannot be 1.1"),
        ("control-group = -0.1", "Some(7) `control-group` cannot be -0.1"),
    ] {
        assert_eq!(read_all(&entered(more)).1, [problem]);
    }
}

#[test]
fn a_reward_thanks_once_a_day_unless_it_says_otherwise() {
    for (more, expected) in [
        ("class = 'reward'", OncePer::Day),
        ("class = 'reward'\nonce-per = 'visit'", OncePer::Visit),
        ("class = 'reward'\nonce-per = 'week'", OncePer::Week),
    ] {
        assert_eq!(sound(&entered(more), &[]).once_per, Some(expected), "{more}");
    }
    let elsewhere = "`once-per` is for class `reward` alone: it thanks for coming";
    assert_eq!(read_all(&entered("once-per = 'day'")).1, [format!("Some(7) {elsewhere}")]);
    assert_eq!(read_all(&entered("class = 'service'\nonce-per = 'day'")).1, [format!("Some(8) {elsewhere}")]);
    let problems = read_all(&entered("class = 'reward'\nonce-per = 'month'")).1;
    assert_eq!(problems, ["Some(8) `once-per` cannot be \"month\""]);
}

#[test]
fn a_service_message_has_no_room_for_marketing() {
    let service = |more: &str| read_all(&entered(&format!("class = 'service'\ntier = 'personal'\n{more}"))).1;
    assert_eq!(service("control-group = 0"), [""; 0]);
    for (key, more) in [
        ("coupon", "coupon = { code = 'X' }"),
        ("price", "price = '1 CHF'"),
        ("audience", "audience = { wishes = true }"),
    ] {
        let problem = format!("Some(9) a service message has no `{key}`: it has no room for marketing");
        assert_eq!(service(more), [problem]);
    }
    let problem = "Some(9) a service message has no control group: a recall is told to all";
    assert_eq!(service("control-group = 0.1"), [problem]);
}

#[test]
fn a_text_names_values_and_the_nearest_of_a_kind() {
    for class in ["offer", "reward", "service"] {
        let text = entered(&format!("class = '{class}'"))
            .replace("'B'", "'{zone}: {value.till-minutes} min at {nearest.till}, {value.till-minutes}!'");
        let campaign = sound(&text, &[]);
        assert_eq!(campaign.values, BTreeSet::from(["till-minutes".into()]));
        assert_eq!(campaign.nearest, BTreeSet::from(["till".into()]));
    }
}

#[test]
fn what_nothing_can_be_put_in_for_is_told() {
    let long = format!("{{value.{}}}", "x".repeat(65));
    for (body, problem) in [
        ("{name}", "Some(5) nothing can be put in for `{name}`"),
        ("{value.}", "Some(5) nothing can be put in for `{value.}`"),
        ("{value.till minutes}", "Some(5) nothing can be put in for `{value.till minutes}`"),
        ("{nearest.}", "Some(5) nothing can be put in for `{nearest.}`"),
        ("{zone.x}", "Some(5) nothing can be put in for `{zone.x}`"),
        ("{zone", "Some(5) a `{` is not closed"),
        (&long, "Some(5) nothing can be put in for `{value.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}`"),
    ] {
        assert_eq!(read_all(&entered("").replace("'B'", &format!("'{body}'"))).1, [problem], "{body}");
    }
}

#[test]
fn values_have_a_bound_in_a_campaign_and_in_all() {
    let body = |from: usize, to: usize| (from..to).map(|n| format!("{{value.v{n}}}")).collect::<Vec<_>>().concat();
    let with = |id: usize, body: &str| {
        entered("").replace("'B'", &format!("'{body}'")).replace("id = 'a'", &format!("id = 'a{id}'"))
    };
    assert_eq!(read_all(&with(0, &body(0, 16))).1, [""; 0]);
    assert_eq!(read_all(&with(0, &body(0, 17))).1, ["Some(5) a campaign's texts name more than 16 values"]);
    let all: String = (0..4).map(|id| with(id, &body(id * 16, id * 16 + 16))).collect();
    assert_eq!(read_all(&all).1, [""; 0], "64");
    let problems = read_all(&(all + &with(4, "{value.one-more}"))).1;
    assert_eq!(problems, ["Some(33) the campaigns' texts name more than 64 values"]);
}

#[test]
fn a_category_has_its_replacement_interval_in_force() {
    let (offers, problems) = read_all("[[category]]\nid = 'jackets'\nreplacement-interval = '30 months'\n");
    assert_eq!(problems, [""; 0]);
    assert_eq!(offers.unwrap().categories[0].replacement_interval, Some(Span::Months(30)));
}

#[test]
fn a_coupon_is_a_code_a_list_or_a_key() {
    let coupon = |more: &str| {
        let named = [("boots.codes", "\u{feff}# for boots\r\nA1\r\n\r\n  A 2 \nA3"), ("boots.key", KEY)];
        sound(&entered(&format!("coupon = {{ {more} }}")), &named).coupon.unwrap()
    };
    let fixed = Coupon { scheme: Scheme::Fixed("BOOTS10".into()), single_use: false };
    assert_eq!(coupon("code = 'BOOTS10'"), fixed);
    assert_eq!(coupon("code = 'BOOTS10', single-use = false"), fixed);
    let codes: Arc<[Name]> = ["A1", "A 2", "A3"].map(Name::from).into();
    let pool = |single_use| Coupon { scheme: Scheme::Pool(Arc::clone(&codes)), single_use };
    assert_eq!(coupon("scheme = 'pool', file = 'boots.codes'"), pool(true), "each code is given away once");
    assert_eq!(coupon("scheme = 'pool', file = 'boots.codes', single-use = false"), pool(false));
    let key = CouponKey::from_hex(KEY).unwrap();
    let derived = |single_use| Coupon { scheme: Scheme::Derived(key.clone()), single_use };
    assert_eq!(
        coupon("scheme = 'derived', key-file = 'boots.key'"),
        derived(false),
        "tills have to keep a list for it"
    );
    assert_eq!(coupon("scheme = 'derived', key-file = 'boots.key', single-use = true"), derived(true));
    assert_eq!(format!("{key:?}"), "CouponKey(..)");
}

#[test]
fn what_a_coupon_cannot_be_is_told() {
    let long = "x".repeat(65);
    let named = [
        ("a.codes", "A\n"),
        ("empty.codes", "# none yet\n\n"),
        ("twice.codes", "A\nB\n# C\nA\n"),
        ("odd.codes", &format!("{long}\nB\u{7}C\n")),
        ("a.key", KEY),
        ("short.key", "0011"),
    ];
    for (more, problems) in [
        ("single-use = true", &["the coupon has no code"][..]),
        (
            "code = 'X', single-use = true",
            &["one code for everyone cannot be for a single use: the second customer would be refused"],
        ),
        ("code = 'X', file = 'a.codes'", &["a coupon has one code for everyone or a scheme, not both"]),
        (
            "code = 'X', scheme = 'pool', file = 'a.codes'",
            &["a coupon has one code for everyone or a scheme, not both"],
        ),
        ("scheme = 'pol', file = 'a.codes'", &["`scheme` cannot be \"pol\""]),
        ("scheme = 'pool'", &["`coupon` needs `file`"]),
        ("scheme = 'derived'", &["`coupon` needs `key-file`"]),
        ("scheme = 'pool', file = 'a.codes', key-file = 'a.key'", &["`key-file` is not for scheme \"pool\""]),
        ("scheme = 'derived', file = 'a.codes', key-file = 'a.key'", &["`file` is not for scheme \"derived\""]),
        ("scheme = 'pool', file = '../shadow'", &["`file` is no name of a file beside offers.toml"]),
        ("scheme = 'pool', file = '..'", &["`file` is no name of a file beside offers.toml"]),
        ("scheme = 'pool', file = 'none.codes'", &["there is no file none.codes beside offers.toml"]),
        ("scheme = 'pool', file = 'empty.codes'", &["empty.codes has no code"]),
        ("scheme = 'pool', file = 'twice.codes'", &["twice.codes, line 4: the same code as in line 1"]),
        (
            "scheme = 'pool', file = 'odd.codes'",
            &[
                "odd.codes, line 1: a code is longer than 64 characters",
                "odd.codes, line 2: a code holds a control character",
            ],
        ),
        ("scheme = 'derived', key-file = 'none.key'", &["there is no file none.key beside offers.toml"]),
        (
            "scheme = 'derived', key-file = 'short.key'",
            &["short.key is no key: that is 32 random bytes as 64 hex digits"],
        ),
    ] {
        let expected: Vec<String> = problems.iter().map(|what| format!("Some(7) {what}")).collect();
        assert_eq!(read_with(&entered(&format!("coupon = {{ {more} }}")), &named).1, expected, "{more}");
    }
}

#[test]
fn a_list_of_codes_is_for_one_campaign() {
    let one = entered("coupon = { scheme = 'pool', file = 'a.codes' }");
    let problems = read_with(&(one.clone() + &one.replace("'a'", "'b'")), &[("a.codes", "A")]).1;
    let problem = "`a.codes` is another campaign's list already in line 7, and its codes would be given away twice";
    assert_eq!(problems, [format!("Some(14) {problem}")]);
}

#[test]
fn a_list_without_end_is_refused_and_a_broken_one_is_told_briefly() {
    let told = |text: &str| {
        let problems = read_with(&entered("coupon = { scheme = 'pool', file = 'a.codes' }"), &[("a.codes", text)]).1;
        problems.last().cloned().unwrap_or_default()
    };
    let numbers = |to: usize| (0..to).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    assert_eq!(told(&numbers(1_000_000)), "");
    assert_eq!(told(&numbers(1_000_001)), "Some(7) with a.codes there are more than 1000000 codes");
    let what = "Some(7) with a.codes the files that offers.toml names are larger than 16 MiB";
    assert_eq!(told(&"x".repeat((16 << 20) + 1)), what);
    assert_eq!(told(&"A\n".repeat(500)), "Some(7) a.codes: and 489 more lines");
}

#[test]
fn a_reload_looks_at_what_coupons_name() {
    let text =
        entered("coupon = { scheme = 'pool', file = 'a.codes' }") + &entered("coupon.key-file = 'b.key'") + "broken =";
    let named = crate::config::coupon::files_named(&text);
    assert_eq!(named, BTreeSet::from(["a.codes".to_owned(), "b.key".to_owned()]));
    assert_eq!(crate::config::coupon::files_named("campaign = 7"), BTreeSet::new());
    assert_eq!(crate::config::coupon::files_named(&entered("coupon.file = '../x'")), BTreeSet::new());
}

#[test]
fn a_slip_in_a_line_is_told_once_and_in_plain_words() {
    let curved = "the quotes here are curved, as word processors write them";
    let open = "a comma is missing, or something further up is not closed";
    for (line, what) in [
        ("priority = 5\nimage = “https://a.b”", curved),
        ("priority = 5\nimage = „https://a.b“", curved),
        ("priority = 5\nimage = \"https://a.b”", curved),
        ("priority = 5\ncaps = [{ at-most = 1, per = “1d\" }]", curved),
        ("priority = 5\ncaps = [{ at-most = 1 per = \"1d\" }]", open),
        ("priority = 5\nlock-screen = Heute “neu” hier", "a text stands here without quotes"),
        ("priority = 5\ncoupon = 'TEN'", "`coupon` is a text"),
    ] {
        assert_eq!(read_all(&entered(line)).1, [format!("Some(8) {what}")], "{line}");
    }
}
