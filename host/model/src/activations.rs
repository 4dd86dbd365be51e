//! The feature maps of one run.

use crate::plan::{BufferPlace, BufferPlan};
use crate::spare::{Lease, RunMemory};
use firebrick_network::NodeId;
use ndarray::ArrayView3;
use std::fmt;
use std::sync::Arc;

/// Every feature map of one picture, and the logits.
#[derive(Clone)]
pub struct Activations {
    names: Arc<[String]>,
    memory: Lease,
    /// The global sum: for each class the exact sum over all pixels.
    pub logits: Vec<i32>,
}

impl Activations {
    pub(crate) fn new(names: Arc<[String]>, memory: Lease, logits: Vec<i32>) -> Activations {
        Activations {
            names,
            memory,
            logits,
        }
    }

    /// Maps that lie in memory of their own.
    pub(crate) fn of_maps(
        names: Arc<[String]>,
        buffers: Vec<Vec<u8>>,
        places: Vec<Option<BufferPlace>>,
        logits: Vec<i32>,
    ) -> Activations {
        let plan = BufferPlan {
            buffers: Vec::new(),
            places,
        };
        let memory = RunMemory {
            plan,
            buffers,
            ..RunMemory::default()
        };
        Activations::new(names, Lease::unowned(memory), logits)
    }

    /// Number of nodes, including the global sum.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.plan.places.len()
    }

    /// Whether there are no nodes; never the case after a run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.memory.plan.places.is_empty()
    }

    /// A node's feature map (row, column, channel); `None` for the global sum, whose values are
    /// [`logits`](Self::logits), and for an id that is not a node.
    ///
    /// The view need not be contiguous: the parts of a concatenation lie inside it. `to_owned()`
    /// makes an `Array3` of it.
    #[must_use]
    pub fn map(&self, id: NodeId) -> Option<ArrayView3<'_, u8>> {
        let place = self.memory.plan.places.get(id.0)?.as_ref()?;
        Some(place.view(&self.memory.buffers))
    }

    /// The feature map of the node with this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<ArrayView3<'_, u8>> {
        self.map(NodeId(self.names.iter().position(|n| n == name)?))
    }

    /// All feature maps in the order of the nodes; the global sum has none.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &str, ArrayView3<'_, u8>)> {
        self.memory
            .plan
            .places
            .iter()
            .zip(self.names.iter())
            .enumerate()
            .filter_map(|(i, (place, name))| {
                Some((
                    NodeId(i),
                    name.as_str(),
                    place.as_ref()?.view(&self.memory.buffers),
                ))
            })
    }
}

/// Equal if all maps, their names and the logits are; how they lie in memory does not matter.
impl PartialEq for Activations {
    fn eq(&self, other: &Self) -> bool {
        self.logits == other.logits
            && self.names == other.names
            && (0..self.len()).all(|i| self.map(NodeId(i)) == other.map(NodeId(i)))
    }
}

impl Eq for Activations {}

impl fmt::Debug for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes: Vec<_> = self
            .iter()
            .map(|(_, name, map)| (name, map.dim()))
            .collect();
        f.debug_struct("Activations")
            .field("maps", &shapes)
            .field("logits", &self.logits.len())
            .finish()
    }
}
