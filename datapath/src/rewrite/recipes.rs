//! Recipes that flow entries share: those of a hundred thousand routes are those of a few next hops, and a few
//! stay in the first-level cache where each entry's own would not.
//!
//! # Design
//!
//! A bounded list, each place with the number of entries that use it. Who asks for a recipe is given the place
//! of an equal one, or a free one. Where there is none, or no memory, an entry does with its own, which it has
//! anyway: nothing depends on sharing but speed.
//!
//! # What it costs
//!
//! A hash of the recipe and a look at up to [`PLACES`] marks for each change of an entry that changes packets.

use alloc::vec::Vec;
use core::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::Recipe;

/// Recipes that are shared, at most: 28 KiB.
const PLACES: usize = 256;
/// The mark of a free place.
const FREE: u32 = 0;

/// Recipes that flow entries share.
#[derive(Debug, Default)]
pub(crate) struct Recipes {
    /// A hash of the recipe in each place, or [`FREE`].
    marks: Vec<u32>,
    places: Vec<Shared>,
}

#[derive(Debug)]
struct Shared {
    recipe: Recipe,
    user_count: u32,
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
        let mark = FixedState::default().hash_one(recipe) as u32 | 1;
        let mut free = None;
        for (at, (&its, shared)) in self.marks.iter().zip(&mut self.places).enumerate() {
            if its == mark && shared.recipe == *recipe {
                shared.user_count = shared.user_count.saturating_add(1);
                return Some(at as u32);
            }
            if its == FREE && free.is_none() {
                free = Some(at);
            }
        }
        let shared = Shared { recipe: recipe.clone(), user_count: 1 };
        if let Some(at) = free {
            *self.places.get_mut(at)? = shared;
            *self.marks.get_mut(at)? = mark;
            return Some(at as u32);
        }
        let at = self.places.len();
        if at >= PLACES || self.places.try_reserve(1).is_err() || self.marks.try_reserve(1).is_err()
        {
            return None;
        }
        self.places.push(shared);
        self.marks.push(mark);
        Some(at as u32)
    }

    /// One user less of the recipe in a place, if there is one.
    #[inline]
    pub(crate) fn give_back(&mut self, place: u32) {
        let Some(shared) = self.places.get_mut(place as usize) else { return };
        shared.user_count = shared.user_count.saturating_sub(1);
        if shared.user_count == 0 {
            if let Some(mark) = self.marks.get_mut(place as usize) {
                *mark = FREE;
            }
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
        // Free: another recipe comes there, and the former one elsewhere.
        assert_eq!(recipes.take(&recipe(true, 8)), Some(first));
        assert_ne!(recipes.take(&recipe(true, 7)), Some(first));
        assert_eq!(recipes.get(first), Some(&recipe(true, 8)));
    }

    #[test]
    fn what_has_no_place_is_not_shared() {
        let mut recipes = Recipes::default();
        for mac in 0..PLACES as u128 {
            assert_eq!(recipes.take(&recipe(true, mac)), Some(mac as u32));
        }
        assert_eq!(recipes.take(&recipe(true, 1 << 40)), None);
        assert_eq!(recipes.take(&recipe(true, 9)), Some(9));
        recipes.give_back(40);
        assert_eq!(recipes.take(&recipe(true, 1 << 40)), Some(40));
        // No place, and nothing happens.
        recipes.give_back(u32::MAX);
        assert_eq!(recipes.get(u32::MAX), None);
    }
}
