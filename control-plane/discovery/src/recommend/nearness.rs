//! Which classes go together, and which many take: counted from all acts.

use std::collections::{BTreeMap, HashMap};

use super::{ACTS_PER_PERSON_MAX, ItemIndex, Taken, greatest};

/// Nearest classes kept of each class.
const NEIGHBOURS_MAX: usize = 60;
/// People two classes must share for half of their nearness to be believed.
const SHRINKAGE: f32 = 3.0;

/// What each person did, by item, latest last, each item once with its strongest act.
pub(super) fn histories(by_id: &HashMap<String, ItemIndex>, acts: &[Taken]) -> Vec<Vec<(ItemIndex, f32)>> {
    let mut people: BTreeMap<&str, Vec<(u64, ItemIndex, f32)>> = BTreeMap::new();
    for taken in acts {
        if let Some(item) = by_id.get(&taken.item) {
            people.entry(&taken.person).or_default().push((taken.at, *item, taken.act.weight()));
        }
    }
    let one = |mut acts: Vec<(u64, ItemIndex, f32)>| {
        acts.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
        let from = acts.len().saturating_sub(ACTS_PER_PERSON_MAX);
        let mut strongest: BTreeMap<ItemIndex, f32> = BTreeMap::new();
        for (_, item, weight) in &acts[from..] {
            let kept = strongest.entry(*item).or_default();
            *kept = kept.max(*weight);
        }
        strongest.into_iter().collect()
    };
    people.into_values().map(one).collect()
}

pub(super) fn neighbours(items: usize, histories: &[Vec<(ItemIndex, f32)>]) -> Vec<Vec<(ItemIndex, f32)>> {
    let mut lengths = vec![0f32; items];
    let mut pairs: HashMap<(ItemIndex, ItemIndex), (f32, f32)> = HashMap::new();
    for history in histories {
        // Who takes everything says little about what goes with what.
        let says = 1.0 / (1.0 + history.len() as f32).ln();
        for (position, (a, weight_a)) in history.iter().enumerate() {
            lengths[*a as usize] += weight_a * weight_a * says;
            for (b, weight_b) in &history[position + 1..] {
                let pair = pairs.entry((*a, *b)).or_default();
                pair.0 += weight_a * weight_b * says;
                pair.1 += 1.0;
            }
        }
    }
    let mut neighbours = vec![Vec::new(); items];
    for ((a, b), (shared, people)) in pairs {
        let cosine = shared / (lengths[a as usize] * lengths[b as usize]).sqrt().max(f32::EPSILON);
        let nearness = cosine * people / (people + SHRINKAGE);
        neighbours[a as usize].push((b, nearness));
        neighbours[b as usize].push((a, nearness));
    }
    for near in &mut neighbours {
        near.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(NEIGHBOURS_MAX);
    }
    neighbours
}

pub(super) fn fame(items: usize, histories: &[Vec<(ItemIndex, f32)>]) -> Vec<f32> {
    let mut takers = vec![0f32; items];
    for (item, weight) in histories.iter().flatten() {
        takers[*item as usize] += f32::from(u8::from(*weight >= 2.0));
    }
    let most = greatest(takers.iter().copied()).ln_1p().max(f32::EPSILON);
    takers.into_iter().map(|takers| takers.ln_1p() / most).collect()
}
