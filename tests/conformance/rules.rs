//! `rules.txt`: why our answer may differ from Open vSwitch's, one numbered sentence each.

/// A reason for a difference.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its number in the file.
    pub(crate) number: u32,
    /// Where the standard says so.
    pub(crate) clause: &'static str,
    /// The reason.
    pub(crate) sentence: &'static str,
}

/// The rules, in order.
pub(crate) fn all() -> Vec<Rule> {
    let mut rules = Vec::new();
    for line in include_str!("rules.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut parts = line.splitn(3, " | ").map(str::trim);
        let (Some(number), Some(clause), Some(sentence)) =
            (parts.next(), parts.next(), parts.next())
        else {
            panic!("three columns: {line}");
        };
        let number = number.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        rules.push(Rule { number, clause, sentence });
    }
    rules
}

#[test]
fn the_rules_are_at_most_forty_sentences_with_a_clause_each() {
    let rules = all();
    assert!(rules.len() <= 40, "{}", rules.len());
    for (at, rule) in (1..).zip(&rules) {
        assert_eq!(rule.number, at, "numbered in order");
        assert!(rule.clause.starts_with('§'), "{rule:?}");
        let ends = rule.sentence.matches(". ").count();
        assert!(rule.sentence.ends_with('.') && ends == 0, "one sentence: {rule:?}");
    }
}
