"""What is wrong with a suite that can be read: tasks that judge otherwise than their author meant, answers in reach."""
