; The rules of our generated household games, for planners and for the TextWorld engine.
; They let the same commands happen under the same conditions, with the same consequences, as the
; rules that the official ALFWorld games carry, but for what no game of ours has.
(define (domain household)
  (:requirements :adl :typing)
  (:types agent location receptacle object rtype otype)

  (:predicates
    ; where things are
    (atLocation ?who - agent ?where - location)
    (receptacleAtLocation ?r - receptacle ?where - location)
    (objectAtLocation ?o - object ?where - location)
    (inReceptacle ?o - object ?r - receptacle)
    (inReceptacleObject ?inner - object ?outer - object)
    (holds ?who - agent ?o - object)
    (holdsAny ?who - agent)
    ; what receptacles are
    (receptacleType ?r - receptacle ?kind - rtype)
    (openable ?r - receptacle)
    (opened ?r - receptacle)
    (canContain ?place - rtype ?thing - otype)
    ; what objects are
    (objectType ?o - object ?kind - otype)
    (pickupable ?o - object)
    (cleanable ?o - object)
    (heatable ?o - object)
    (coolable ?o - object)
    (sliceable ?o - object)
    (toggleable ?o - object)
    (isReceptacleObject ?o - object)
    ; what was done to objects
    (isClean ?o - object)
    (isHot ?o - object)
    (isCool ?o - object)
    (isSliced ?o - object)
    (isToggled ?o - object)
    ; set by commands that only tell something, since a planner drops actions without an effect
    (noticed ?what))

  (:action walk
    :parameters (?who - agent ?from - location ?to - location ?r - receptacle)
    :precondition (and (atLocation ?who ?from) (receptacleAtLocation ?r ?to))
    :effect (and (not (atLocation ?who ?from)) (atLocation ?who ?to)))

  (:action uncover
    :parameters (?who - agent ?l - location ?r - receptacle)
    :precondition (and
      (openable ?r) (not (opened ?r)) (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (opened ?r))

  (:action shut
    :parameters (?who - agent ?l - location ?r - receptacle)
    :precondition (and
      (openable ?r) (opened ?r) (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (not (opened ?r)))

  (:action grasp
    :parameters (?who - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
      (pickupable ?o) (not (holdsAny ?who))
      (inReceptacle ?o ?r) (or (not (openable ?r)) (opened ?r))
      (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (and
      (holds ?who ?o) (holdsAny ?who)
      (not (inReceptacle ?o ?r)) (not (objectAtLocation ?o ?l))))

  (:action stow
    :parameters (
      ?who - agent ?l - location ?o - object ?r - receptacle ?thing - otype ?place - rtype)
    :precondition (and
      (holds ?who ?o) (or (not (openable ?r)) (opened ?r))
      (objectType ?o ?thing) (receptacleType ?r ?place) (canContain ?place ?thing)
      (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (and
      (inReceptacle ?o ?r) (objectAtLocation ?o ?l)
      (not (holds ?who ?o)) (not (holdsAny ?who))))

  (:action wash
    :parameters (?who - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
      (cleanable ?o) (holds ?who ?o) (receptacleType ?r SinkBasinType)
      (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (isClean ?o))

  (:action warm
    :parameters (?who - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
      (heatable ?o) (holds ?who ?o) (receptacleType ?r MicrowaveType)
      (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (and (isHot ?o) (not (isCool ?o))))

  (:action chill
    :parameters (?who - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
      (coolable ?o) (holds ?who ?o) (receptacleType ?r FridgeType)
      (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (and (isCool ?o) (not (isHot ?o))))

  (:action cut
    :parameters (?who - agent ?l - location ?o - object ?blade - object)
    :precondition (and
      (sliceable ?o) (holds ?who ?blade)
      (or (objectType ?blade KnifeType) (objectType ?blade ButterKnifeType))
      (atLocation ?who ?l) (objectAtLocation ?o ?l))
    :effect (isSliced ?o))

  (:action switch
    :parameters (?who - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
      (toggleable ?o) (inReceptacle ?o ?r) (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (isToggled ?o))

  (:action view
    :parameters (?who - agent ?l - location ?r - receptacle)
    :precondition (and (atLocation ?who ?l) (receptacleAtLocation ?r ?l))
    :effect (noticed ?r))

  (:action inspect
    :parameters (?who - agent ?o - object)
    :precondition (holds ?who ?o)
    :effect (noticed ?o))

  (:action survey
    :parameters (?who - agent ?l - location)
    :precondition (atLocation ?who ?l)
    :effect (noticed ?l))

  (:action pockets
    :parameters (?who - agent)
    :precondition ()
    :effect (noticed ?who))

  (:action usage
    :parameters (?who - agent)
    :precondition ()
    :effect (noticed ?who))
)
