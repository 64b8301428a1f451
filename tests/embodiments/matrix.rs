//! What came of each case on each embodiment.

use std::collections::BTreeMap;
use std::fmt;

use rumpswitch_tests::embodiment::Abilities;
use rumpswitch_tests::scenarios::Case;

use crate::columns::{Column, reasons};

/// What came of one case on one embodiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Passed,
    /// And what was said.
    Failed(String),
    /// The embodiment cannot do what the case needs: this.
    NotApplicable(Abilities),
    /// There is no such embodiment here.
    NotGiven,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    passed: usize,
    failed: usize,
    not_applicable: usize,
}

/// Groups of cases by embodiments.
pub(crate) struct Matrix {
    columns: Vec<(char, &'static str, bool)>,
    groups: Vec<&'static str>,
    sums: BTreeMap<(&'static str, char), Sum>,
    /// How many cases lack what, by embodiment.
    lacks: BTreeMap<(char, u32), usize>,
}

impl Matrix {
    pub(crate) fn new(columns: &[Column]) -> Matrix {
        let columns =
            columns.iter().map(|column| (column.letter, column.name, column.is_given())).collect();
        Matrix { columns, groups: Vec::new(), sums: BTreeMap::new(), lacks: BTreeMap::new() }
    }

    pub(crate) fn put(&mut self, column: &Column, case: &Case, cell: Cell) {
        if !self.groups.contains(&case.group) {
            self.groups.push(case.group);
        }
        let sum = self.sums.entry((case.group, column.letter)).or_default();
        match cell {
            Cell::Passed => sum.passed += 1,
            Cell::Failed(_) => sum.failed += 1,
            Cell::NotApplicable(lacks) => {
                sum.not_applicable += 1;
                *self.lacks.entry((column.letter, lacks.bits())).or_default() += 1;
            }
            Cell::NotGiven => {}
        }
    }

    fn column(&self, letter: char) -> Sum {
        let mut total = Sum::default();
        for ((_, of), sum) in &self.sums {
            if *of == letter {
                total.passed += sum.passed;
                total.failed += sum.failed;
                total.not_applicable += sum.not_applicable;
            }
        }
        total
    }

    /// Why cases are not applicable, a line for each reason; an embodiment that gives none is an error.
    pub(crate) fn reasons(&self) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for ((letter, bits), count) in &self.lacks {
            let lacks = Abilities::from_bits_truncate(*bits);
            let names = lacks.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
            let given = reasons(*letter, lacks);
            if lacks.iter().any(|one| reasons(*letter, one).is_empty()) {
                return Err(format!("{letter}: why {names} cannot be tried is not said"));
            }
            lines.push(format!("{letter} n/a {count:>2}: {names}: {}", given.join("; ")));
        }
        Ok(lines)
    }

    /// All cases of all embodiments.
    pub(crate) fn totals(&self) -> String {
        let sums = self.columns.iter().map(|(letter, ..)| self.column(*letter));
        let (passed, failed, n_a) = sums.fold((0, 0, 0), |(a, b, c), sum| {
            (a + sum.passed, b + sum.failed, c + sum.not_applicable)
        });
        format!("{passed} passed, {failed} failed, {n_a} not applicable")
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if self.passed > 0 {
            words.push(self.passed.to_string());
        }
        if self.failed > 0 {
            words.push(format!("{} FAILED", self.failed));
        }
        if self.not_applicable > 0 {
            words.push(format!("{} n/a", self.not_applicable));
        }
        f.pad(&if words.is_empty() { "-".to_owned() } else { words.join(", ") })
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {:<10} |", "")?;
        for (letter, name, _) in &self.columns {
            write!(f, " {:<18} |", format!("{letter} {name}"))?;
        }
        writeln!(f)?;
        write!(f, "| {:-<10} |", "")?;
        self.columns.iter().try_for_each(|_| write!(f, " {:-<18} |", ""))?;
        writeln!(f)?;
        for group in self.groups.iter().copied().chain(["all"]) {
            write!(f, "| {group:<10} |")?;
            for (letter, _, is_given) in &self.columns {
                match (is_given, group) {
                    (false, _) => write!(f, " {:<18} |", "not given")?,
                    (true, "all") => write!(f, " {:<18} |", self.column(*letter))?,
                    (true, group) => {
                        let sum = self.sums.get(&(group, *letter)).copied().unwrap_or_default();
                        write!(f, " {sum:<18} |")?;
                    }
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
