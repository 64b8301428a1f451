//! Recipes that flow entries share: those of a hundred thousand routes are those of a few next hops, and a few
//! stay in the first-level cache where each entry's own would not.
//!
//! # Design
//!
//! A bounded list, each place with the number of entries that use it. Who asks for a recipe is given the place
//! of an equal one, or a free one. Where there is none, or no memory, an entry does with its own, which it has
//! anyway: nothing depends on sharing but speed.
//!
//! Equal ones are found by a hash, in sets of a few marks: as many different next hops as a site has, a
//! thousand say, find each its place.
//!
//! # What it costs
//!
//! A hash of the recipe and a look at one set of marks for each change of an entry that changes packets. 8 KiB
//! for the marks when the first comes, and some 110 bytes for each recipe.

use alloc::vec::Vec;
use core::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::Recipe;

/// Recipes that are shared, at most: 230 KiB.
const PLACES: usize = 2048;
/// Marks that stand together.
const WAYS: usize = 8;
/// Sets of marks, a power of two: one mark for each place.
const SETS: usize = PLACES / WAYS;

/// Recipes that flow entries share.
#[derive(Debug, Default)]
pub(crate) struct Recipes {
    /// Where recipes are, by their hash; none before the first one comes.
    sets: Vec<[Mark; WAYS]>,
    places: Vec<Shared>,
    /// Places whose last user has gone. As much room as there are places.
    free: Vec<u16>,
}

/// A recipe's place, and some bits of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    bits: u16,
    place: u16,
}

impl Mark {
    const NONE: Mark = Mark { bits: 0, place: u16::MAX };
}

#[derive(Debug)]
struct Shared {
    recipe: Recipe,
    hash: u64,
    user_count: u32,
}

/// The number of the set of a hash.
fn set_of(hash: u64) -> usize {
    hash as usize % SETS
}

impl Recipes {
    /// The recipe in a place.
    #[inline(always)]
    pub(crate) fn get(&self, place: u32) -> Option<&Recipe> {
        self.places.get(place as usize).map(|shared| &shared.recipe)
    }

    /// A place where an equal recipe is, for one more user, if there is room.
    #[inline(never)]
    pub(crate) fn take(&mut self, recipe: &Recipe) -> Option<u32> {
        let hash = FixedState::default().hash_one(recipe);
        let bits = (hash >> 48) as u16;
        if self.sets.is_empty() {
            self.sets.try_reserve_exact(SETS).ok()?;
            self.sets.resize(SETS, [Mark::NONE; WAYS]);
        }
        let set = self.sets.get_mut(set_of(hash))?;
        for mark in set.iter().filter(|mark| **mark != Mark::NONE && mark.bits == bits) {
            let shared = self.places.get_mut(usize::from(mark.place));
            if let Some(shared) = shared.filter(|shared| shared.recipe == *recipe) {
                shared.user_count = shared.user_count.saturating_add(1);
                return Some(mark.place.into());
            }
        }
        let mark = set.iter_mut().find(|mark| **mark == Mark::NONE)?;
        let shared = Shared { recipe: recipe.clone(), hash, user_count: 1 };
        let place = match self.free.pop() {
            Some(place) => {
                *self.places.get_mut(usize::from(place))? = shared;
                place
            }
            None => {
                // There are no more than there are marks.
                let place = u16::try_from(self.places.len()).ok()?;
                self.places.try_reserve(1).ok()?;
                self.free.try_reserve(self.places.len().saturating_add(1)).ok()?;
                self.places.push(shared);
                place
            }
        };
        *mark = Mark { bits, place };
        Some(place.into())
    }

    /// One user less of the recipe in a place, if there is one.
    #[inline]
    pub(crate) fn give_back(&mut self, place: u32) {
        let Some(shared) = self.places.get_mut(place as usize) else { return };
        shared.user_count = shared.user_count.saturating_sub(1);
        if shared.user_count == 0 {
            self.forget(place as u16);
        }
    }

    /// Nobody uses the recipe in a place any more.
    #[inline(never)]
    fn forget(&mut self, place: u16) {
        let Some(shared) = self.places.get(usize::from(place)) else { return };
        let Some(set) = self.sets.get_mut(set_of(shared.hash)) else { return };
        // Not found if it was free already.
        let mark = set.iter_mut().find(|mark| **mark != Mark::NONE && mark.place == place);
        if let Some(mark) = mark {
            *mark = Mark::NONE;
            self.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Act;

    fn recipe(ttl_first: bool, mac: u128) -> Recipe {
        let set = Act::set_field(ofp_codec::OxmField::EthDst, mac);
        match ttl_first {
            true => Recipe::new([Act::DecNwTtl, set].iter()),
            false => Recipe::new([set, Act::DecNwTtl].iter()),
        }
    }

    #[test]
    fn equal_recipes_share_a_place_until_the_last_user_goes() {
        let mut recipes = Recipes::default();
        let first = recipes.take(&recipe(true, 7)).unwrap();
        assert_eq!(recipes.take(&recipe(true, 7)), Some(first));
        let other = recipes.take(&recipe(false, 7)).unwrap();
        assert_ne!(first, other);
        assert_eq!(recipes.get(first), Some(&recipe(true, 7)));
        assert_eq!(recipes.get(other), Some(&recipe(false, 7)));
        recipes.give_back(first);
        assert_eq!(recipes.take(&recipe(true, 7)), Some(first));
        recipes.give_back(first);
        recipes.give_back(first);
        // Given back once too often, it is free once: another recipe comes there, and the former one elsewhere.
        recipes.give_back(first);
        assert_eq!(recipes.take(&recipe(true, 8)), Some(first));
        assert_ne!(recipes.take(&recipe(true, 7)), Some(first));
        assert_eq!(recipes.get(first), Some(&recipe(true, 8)));
    }

    #[test]
    fn what_has_no_place_is_not_shared() {
        let mut recipes = Recipes::default();
        let all = || 0..4 * PLACES as u128;
        let places: Vec<Option<u32>> = all().map(|mac| recipes.take(&recipe(true, mac))).collect();
        assert!(places[..1000].iter().filter(|place| place.is_some()).count() > 970);
        assert_eq!(places.iter().flatten().count(), PLACES, "all sets are full");
        for (mac, &place) in all().zip(&places) {
            assert_eq!(recipes.take(&recipe(true, mac)), place, "whoever has a place keeps it");
            if let Some(place) = place {
                assert_eq!(recipes.get(place), Some(&recipe(true, mac)));
            }
        }
        let freed: Vec<u32> = places.iter().take(PLACES).flatten().copied().collect();
        for &place in freed.iter().chain(&freed) {
            recipes.give_back(place);
        }
        let more = 0..8 * PLACES as u128;
        let taken = more.filter(|&mac| recipes.take(&recipe(false, mac)).is_some()).count();
        assert_eq!(taken, freed.len(), "all others are still in use");
        // No place, and nothing happens.
        recipes.give_back(u32::MAX);
        assert_eq!(recipes.get(u32::MAX), None);
    }
}
